// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import JSON

/// JSON in and out.
package enum JSONText {
    /// One line, or indented; slashes as they are.
    package static func encode(_ value: some Encodable, pretty: Bool = false) -> [UInt8] {
        do {
            return try JSONWriter.write(value, pretty: pretty)
        } catch {
            // Encoding fails for numbers that are none; no type here holds any.
            preconditionFailure("encode JSON: \(error)")
        }
    }

    /// Reads a value; the error names the property that is wrong, and its line.
    package static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(PlanError) -> Value {
        do {
            return try JSONDocument(bytes).decode(type)
        } catch {
            throw PlanError("\(error)")
        }
    }
}
