// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// What an image can make the program keep in memory.
@Suite("skiffimg: memory", .requiresRoot)
struct SkiffimgMemoryTests {
    private static let count = 110_000

    /// Empty files with long names that differ at their ends, in no order.
    private static func tar(_ count: Int) -> [UInt8] {
        let (name, digits) = ([UInt8](repeating: UInt8(ascii: "n"), count: 248), 7)
        var tar = TarBuilder()
        tar.add(nameBytes: name + [UInt8](repeating: UInt8(ascii: "0"), count: digits))
        // The whole name is in the extended header, and its end only there.
        let start = 512 + "265 path=".utf8.count + name.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * tar.bytes.count + 1024)
        for number in 0..<count {
            var (place, rest) = (bytes.count + start + digits, number * 7919 % count)
            bytes += tar.bytes
            while rest > 0 {
                place -= 1
                bytes[place] = UInt8(48 + rest % 10)
                rest /= 10
            }
        }
        return bytes + [UInt8](repeating: 0, count: 1024)
    }

    /// A layer without compression, or with it.
    private static func layer(_ tar: [UInt8], compression: String? = nil) -> LayoutBuilder.Layer {
        var layer = LayoutBuilder.Layer(
            TarBuilder(), compression: compression, mediaType: "application/vnd.oci.image.layer.v1.tar")
        layer.tar = tar
        return layer
    }

    /// Pulls an image, and returns the most memory that took, in KiB.
    private static func pull(
        _ layers: [LayoutBuilder.Layer], _ lab: SkiffimgLab, format: String = "erofs"
    ) throws -> Int {
        try lab.layout.add(layers, tag: "v1")
        let script = """
            import resource, subprocess, sys
            subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            """
        let command = [try SkiffimgLab.program(), "pull", "oci:layout:v1", "--name", "example.org/names:1"]
        let output = try Command.run(
            ["/usr/bin/python3", "-c", script] + command + lab.store + ["--layer-format", format], in: lab.path)
        return try #require(Int(output.dropLast()))
    }

    @Test func namesWithoutEndTakeLittle() throws {
        let small = try Self.pull([Self.layer(Self.tar(1))], SkiffimgLab())
        let lab = try SkiffimgLab()
        let large = try Self.pull([Self.layer(Self.tar(Self.count))], lab)
        // The names alone are 28 MB.
        #expect(large - small < 32 << 10, "\(small) KiB, \(large) KiB")
        guard try Syscall.readText("/proc/filesystems").contains("\terofs\n") else { return }
        let path = String(try lab.succeed("mount", "example.org/names:1").dropLast())
        let names = try Syscall.entries(path)
        #expect(names.count == Self.count)
        #expect(Set(names).contains(String(repeating: "n", count: 248) + "0109999"))
        try lab.succeed("umount", "--all")
    }

    /// Those of a directory are sorted.
    @Test func namesOfADirectoryTakeLittle() throws {
        let small = try Self.pull([Self.layer(Self.tar(1))], SkiffimgLab(), format: "directory")
        let lab = try SkiffimgLab()
        let large = try Self.pull([Self.layer(Self.tar(Self.count))], lab, format: "directory")
        #expect(large - small < 32 << 10, "\(small) KiB, \(large) KiB")
        try lab.succeed("remove", "example.org/names:1")
    }

    /// Three layers at once ask for 128 MiB each, and refer to what is 30 MiB back.
    @Test func windowsTakeLittle() throws {
        let small = try Self.pull([Self.layer(Self.tar(1))], SkiffimgLab())
        let lab = try SkiffimgLab()
        let layers = (0..<UInt8(3)).map { number in
            var tar = TarBuilder()
            tar.add("file", content: Self.repeated(number))
            return Self.layer(tar.finished, compression: "zstd --long=27")
        }
        let large = try Self.pull(layers, lab)
        #expect(large - small < 56 << 10, "\(small) KiB, \(large) KiB")
    }

    /// A frame that no compressor makes: each block refers to four bytes on each page of half a window of 128 MiB.
    @Test func scatteredReferencesTakeLittle() throws {
        let small = try Self.pull([Self.layer(Self.tar(1))], SkiffimgLab())
        let lab = try SkiffimgLab()
        let frame = Self.scattered(blocks: 16)
        try AtomicFile.write("\(lab.path)/frame", frame)
        let sum = try Command.run(["/bin/sh", "-c", "zstd -dc --long=27 < frame | sha256sum"], in: lab.path)
        var layer = Self.layer(frame)
        layer.mediaType += "+zstd"
        layer.diffID = "sha256:" + sum.prefix(64)
        let large = try Self.pull([layer], lab)
        #expect(large - small < 40 << 10, "\(small) KiB, \(large) KiB")
    }

    /// A tar with one file, in the format of RFC 8878, section 3.1.1.
    private static func scattered(blocks: Int) -> [UInt8] {
        let (block, before) = (1 << 17, 1024)
        var tar = TarBuilder()
        tar.add("file", pax: [("size", Array("\((before + blocks) * block)".utf8))])
        // Magic number, a frame of unknown size, a window of 128 MiB.
        var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 17 << 3]
        frame += header(0, size: tar.bytes.count) + tar.bytes
        for number in 0..<before { frame += header(1, size: block) + [UInt8(truncatingIfNeeded: number)] }
        // No literals, 32,768 sequences, all with the same codes: no literals, an offset with 26 bits, four bytes.
        let codes: [UInt8] = [0x00, 0xFF, 0x00, 0x01, 0x54, 0, 26, 1]
        var chance = Chance(seed: 1)
        for _ in 0..<blocks {
            let offsets = chance.bytes(words: block / 4 * 26 / 64)
            // Behind the last bit, which is read first, is a one.
            let content = codes + offsets + [0x01]
            frame += header(2, size: content.count) + content
        }
        return frame + header(1, size: 1024, isLast: true) + [0]
    }

    /// Of a block: raw (0), one byte over and over (1), or compressed (2).
    private static func header(_ kind: Int, size: Int, isLast: Bool = false) -> [UInt8] {
        let bits = size << 3 | kind << 1 | (isLast ? 1 : 0)
        return [UInt8(bits & 0xFF), UInt8(bits >> 8 & 0xFF), UInt8(bits >> 16)]
    }

    /// A megabyte that does not compress, in thirty disguises, twice.
    private static func repeated(_ seed: UInt8) -> [UInt8] {
        var chance = Chance(seed: UInt64(seed))
        let noise = chance.bytes(words: 1 << 17)
        return (0..<60).flatMap { part in noise.map { $0 ^ UInt8(part % 30 * 8) } }
    }
}
