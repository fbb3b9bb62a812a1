// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Why a packet is none of the protocol's.
package enum MonitorProtocolError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The packet ends inside a value, or a count in it is beyond its end.
    case truncated
    /// That many bytes follow the body.
    case trailingBytes(Int)
    /// The message would have that many bytes.
    case tooLong(Int)
    case unsupportedVersion(UInt16)
    case unknownKind(UInt16)
    /// The other side speaks an older version, which cannot say this.
    case needsVersion(UInt16)
    /// The value is none of those allowed for that field.
    case invalidValue(String)

    package var description: String {
        switch self {
        case .truncated: "monitor message: cut short"
        case .trailingBytes(let count): "monitor message: \(count) bytes after its end"
        case .tooLong(let count): "monitor message: \(count) bytes, at most \(MonitorMessage.maximumSize) are allowed"
        case .unsupportedVersion(let version): "monitor message: version \(version) is not supported"
        case .unknownKind(let kind): "monitor message: unknown kind \(kind)"
        case .needsVersion(let version): "monitor message: needs version \(version) of the protocol; the peer is older"
        case .invalidValue(let field): "monitor message: invalid value of \(field)"
        }
    }
}
