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

    /// Pulls an image with one layer, and returns the most memory that took, in KiB.
    private static func pull(_ count: Int, _ lab: SkiffimgLab) throws -> Int {
        var layer = LayoutBuilder.Layer(
            TarBuilder(), compression: nil, mediaType: "application/vnd.oci.image.layer.v1.tar")
        layer.tar = tar(count)
        try lab.layout.add([layer], tag: "v1")
        let script = """
            import resource, subprocess, sys
            subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            """
        let command = [try SkiffimgLab.program(), "pull", "oci:layout:v1", "--name", "example.org/names:1"]
        let output = try Command.run(
            ["/usr/bin/python3", "-c", script] + command + lab.store + ["--layer-format", "erofs"], in: lab.path)
        return try #require(Int(output.dropLast()))
    }

    @Test func namesWithoutEndTakeLittle() throws {
        let small = try Self.pull(1, SkiffimgLab())
        let lab = try SkiffimgLab()
        let large = try Self.pull(Self.count, lab)
        // The names alone are 28 MB.
        #expect(large - small < 32 << 10, "\(small) KiB, \(large) KiB")
        guard try Syscall.readText("/proc/filesystems").contains("\terofs\n") else { return }
        let path = String(try lab.succeed("mount", "example.org/names:1").dropLast())
        let names = try Syscall.entries(path)
        #expect(names.count == Self.count)
        #expect(Set(names).contains(String(repeating: "n", count: 248) + "0109999"))
        try lab.succeed("umount", "--all")
    }
}
