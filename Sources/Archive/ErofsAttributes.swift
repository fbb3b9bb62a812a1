// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Extended attributes in the form of EROFS, beside their inode.
///
///     12 bytes    of header, zero: no shared attributes, no filter
///     for each    8 bits length of the name, 8 bits prefix, 16 bits length of the value, name, value, zeros up to 4
///
/// Shared attributes, the format's other form, would save space where many files have the same large ones; the only such
/// attribute, security.selinux, is left out of layers.
enum ErofsAttributes {
    /// What the prefix of a name is replaced by; the ACLs are whole names.
    private static let prefixes: [(text: [UInt8], number: UInt8)] = [
        (Array("user.".utf8), 1), (Array("system.posix_acl_access".utf8), 2),
        (Array("system.posix_acl_default".utf8), 3), (Array("trusted.".utf8), 4), (Array("security.".utf8), 6),
    ]

    /// More than the 64 KiB that listxattr(2) and one value can have, and what the count of 16 bits holds.
    private static let sizeLimit = 1 << 17

    /// The encoded attributes, empty without any. `skipped` counts those that the format has no place for.
    static func encode(_ attributes: [LayerEntry.Attribute], skipped: inout Int) -> [UInt8] {
        guard !attributes.isEmpty else { return [] }
        var bytes = [UInt8](repeating: 0, count: 12)
        for attribute in attributes {
            guard let prefix = prefixes.first(where: { attribute.name.starts(with: $0.text) }),
                let nameLength = UInt8(exactly: attribute.name.count - prefix.text.count),
                let valueLength = UInt16(exactly: attribute.value.count),
                (nameLength == 0) == (prefix.text.last != UInt8(ascii: ".")),
                bytes.count + Int(nameLength) + Int(valueLength) < sizeLimit
            else {
                skipped += 1
                continue
            }
            bytes += [nameLength, prefix.number, UInt8(valueLength & 0xFF), UInt8(valueLength >> 8)]
            bytes += attribute.name.dropFirst(prefix.text.count)
            bytes += attribute.value
            while bytes.count % 4 != 0 { bytes.append(0) }
        }
        return bytes.count == 12 ? [] : bytes
    }
}
