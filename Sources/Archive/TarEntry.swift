// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// What the header of an entry tells in a tar that is written: ustar, with numbers that are too large in GNU's binary form,
/// which all readers know, and names that are too long, or attributes, in a pax header before it. Source: pax(1).
package struct TarEntry: Hashable, Sendable {
    /// The letters of the format.
    package enum Kind: UInt8, Hashable, Sendable {
        case regular = 0x30
        case hardLink, symlink, character, block, directory, fifo
    }

    package var kind: Kind
    /// Relative; bytes of any encoding.
    package var name: RawName
    /// Where a link leads.
    package var target = RawName("")
    package var permissions: UInt32 = 0o644
    package var uid: UInt32 = 0
    package var gid: UInt32 = 0
    package var size: Int64 = 0
    /// Seconds since 1970.
    package var modified: Int64 = 0
    package var device = DeviceNumber(major: 0, minor: 0)
    package var attributes: [RawName: [UInt8]] = [:]

    /// An entry that belongs to root.
    package init(_ kind: Kind, _ name: RawName) {
        self.kind = kind
        self.name = name
    }

    /// The header, and before it what does not fit there.
    package var bytes: [UInt8] {
        var records: [UInt8] = []
        if name.bytes.count > 100 { records += Self.record("path", name.bytes) }
        if target.bytes.count > 100 { records += Self.record("linkpath", target.bytes) }
        for (attribute, value) in attributes.sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            records += Self.record("SCHILY.xattr.\(attribute)", value[...])
        }
        if records.isEmpty { return header(typeByte: kind.rawValue, name, size) }
        let padding = [UInt8](repeating: 0, count: (512 - records.count % 512) % 512)
        let extended = header(typeByte: UInt8(ascii: "x"), RawName("PaxHeaders/entry"), Int64(records.count))
        return extended + records + padding + header(typeByte: kind.rawValue, name, size)
    }

    /// `LENGTH KEY=VALUE\n`, where the length counts its own digits too.
    private static func record(_ key: String, _ value: ArraySlice<UInt8>) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [10]
        var length = rest.count + 1
        while rest.count + String(length).utf8.count != length { length = rest.count + String(length).utf8.count }
        return Array(String(length).utf8) + rest
    }

    private func header(typeByte: UInt8, _ name: RawName, _ size: Int64) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { header[offset + index] = byte }
        }
        func put(_ value: Int64, at offset: Int, digits: Int) {
            let text = String(value, radix: 8)
            if text.utf8.count <= digits {
                return put(String(repeating: "0", count: digits - text.utf8.count).utf8 + Array(text.utf8), at: offset)
            }
            header[offset] = 0x80
            for index in 0..<min(8, digits) {
                header[offset + digits - index] = UInt8(truncatingIfNeeded: value >> (8 * index))
            }
        }
        put(name.bytes.prefix(100), at: 0)
        put(Int64(permissions), at: 100, digits: 7)
        put(Int64(uid), at: 108, digits: 7)
        put(Int64(gid), at: 116, digits: 7)
        put(size, at: 124, digits: 11)
        put(max(0, modified), at: 136, digits: 11)
        put("        ".utf8, at: 148)
        header[156] = typeByte
        put(target.bytes.prefix(100), at: 157)
        put("ustar\0".utf8, at: 257)
        put("00".utf8, at: 263)
        if kind == .character || kind == .block {
            put(Int64(device.major), at: 329, digits: 7)
            put(Int64(device.minor), at: 337, digits: 7)
        }
        put(header.reduce(Int64(0)) { $0 + Int64($1) }, at: 148, digits: 6)
        put("\0 ".utf8, at: 154)
        return header
    }
}
