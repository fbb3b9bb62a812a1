// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A value of a TOML document, free of the library that read it.
package enum TOMLNode: Equatable, Sendable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([TOMLNode])
    case table([String: TOMLNode])
    /// A kind that no setting has, by its name: a date, a time, a floating-point number.
    case other(String)

    /// The kind with its article, for messages.
    package var kind: String {
        switch self {
        case .string: "a string"
        case .integer: "an integer"
        case .boolean: "a boolean"
        case .array: "an array"
        case .table: "a table"
        case .other(let name): "a \(name)"
        }
    }
}
