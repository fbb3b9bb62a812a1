// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Builds tars byte by byte, also such as no archiver would write.
package struct TarBuilder {
    /// The tar so far, without its end.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// One ustar header with its content. `type` is the character of the format: `0` file, `1` hard link, `2` symbolic
    /// link, `3` and `4` devices, `5` directory, `6` fifo. Long names go into a pax header of their own.
    package mutating func add(
        _ name: String, type: Character = "0", content: [UInt8] = [], mode: Int = 0o644, uid: Int = 0, gid: Int = 0,
        modified: Int = 1_000_000, link: String = "", device: (major: Int, minor: Int) = (0, 0),
        pax: [(String, [UInt8])] = []
    ) {
        add(
            nameBytes: Array(name.utf8), type: type, content: content, mode: mode, uid: uid, gid: gid,
            modified: modified, link: Array(link.utf8), device: device, pax: pax)
    }

    /// The same for names of any bytes.
    package mutating func add(
        nameBytes name: [UInt8], type: Character = "0", content: [UInt8] = [], mode: Int = 0o644, uid: Int = 0,
        gid: Int = 0, modified: Int = 1_000_000, link: [UInt8] = [], device: (major: Int, minor: Int) = (0, 0),
        pax: [(String, [UInt8])] = []
    ) {
        var pax = pax
        if name.count > 100 { pax.append(("path", name)) }
        if link.count > 100 { pax.append(("linkpath", link)) }
        if !pax.isEmpty {
            let records = pax.flatMap { Self.record($0, $1) }
            append(header(Array("pax".utf8), "x", records.count, 0o644, 0, 0, 0, [], (0, 0)), records)
        }
        append(header(name, type, content.count, mode, uid, gid, modified, link, device), content)
    }

    /// The tar with the two empty blocks at its end.
    package var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// `LENGTH KEY=VALUE\n`, where the length counts itself.
    package static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = [UInt8](" \(key)=".utf8) + value + [10]
        var length = rest.count + 1
        while "\(length)".utf8.count + rest.count != length { length += 1 }
        return Array("\(length)".utf8) + rest
    }

    private mutating func append(_ header: [UInt8], _ content: [UInt8]) {
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    private func header(
        _ name: [UInt8], _ type: Character, _ size: Int, _ mode: Int, _ uid: Int, _ gid: Int, _ modified: Int,
        _ link: [UInt8], _ device: (major: Int, minor: Int)
    ) -> [UInt8] {
        func octal(_ value: Int, _ width: Int) -> [UInt8] {
            let digits = String(max(value, 0), radix: 8)
            return Array((String(repeating: "0", count: max(0, width - 1 - digits.count)) + digits).utf8) + [0]
        }
        func padded(_ text: [UInt8], _ width: Int) -> [UInt8] {
            Array(text.prefix(width)) + [UInt8](repeating: 0, count: max(0, width - text.count))
        }
        var block = padded(name, 100) + octal(mode, 8) + octal(uid, 8) + octal(gid, 8)
        block += octal(size, 12) + octal(modified, 12) + Array("        ".utf8)
        block += [type.asciiValue ?? 0] + padded(link, 100) + Array("ustar\0".utf8) + Array("00".utf8)
        block += padded([], 32) + padded([], 32) + octal(device.major, 8) + octal(device.minor, 8)
        block = padded(block, 512)
        let sum = block.reduce(0) { $0 + Int($1) }
        block.replaceSubrange(148..<156, with: octal(sum, 7) + [32])
        return block
    }
}
