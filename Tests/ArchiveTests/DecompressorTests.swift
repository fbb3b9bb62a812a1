// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Compressed streams in pieces of every size, whole and damaged.
struct DecompressorTests {
    static let plain = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

    @Test(arguments: ["gzip", "zstd", "plain"], [1, 3, 1000, 1 << 20])
    func givesThePlainBytes(format: String, blockSize: Int) throws {
        let packed = try Self.pack(Self.plain, format)
        #expect(try Self.unpack(packed, blockSize) == Self.plain)
    }

    @Test(arguments: ["gzip", "zstd"]) func readsSeveralMembers(format: String) throws {
        let packed = try Self.pack(Self.plain, format) + Self.pack([1, 2, 3], format)
        for blockSize in [1, 100, 1 << 20] { #expect(try Self.unpack(packed, blockSize) == Self.plain + [1, 2, 3]) }
    }

    @Test func readsSkippableFrames() throws {
        let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 9, 9, 9, 9]
        let packed = try skippable + Self.pack(Self.plain, "zstd") + skippable
        #expect(try Self.unpack(packed, 7) == Self.plain)
    }

    @Test func ignoresWhatFollowsGzip() throws {
        let packed = try Self.pack(Self.plain, "gzip") + [0, 0, 0, 0]
        for blockSize in [1, 1 << 20] { #expect(try Self.unpack(packed, blockSize) == Self.plain) }
    }

    @Test func nothingIsNothing() throws {
        #expect(try Self.unpack([], 10).isEmpty)
        #expect(try Self.unpack([0x1F], 10) == [0x1F])
    }

    @Test(arguments: ["gzip", "zstd"]) func refusesTruncatedData(format: String) throws {
        let packed = try Self.pack(Self.plain, format)
        for length in [5, 20, packed.count / 2, packed.count - 1] {
            let error = try #require(throws: ArchiveError.self) { try Self.unpack(Array(packed[..<length]), 1000) }
            #expect(error.code == .corrupt)
            #expect(error.reason.contains("cut off"))
        }
    }

    @Test(arguments: ["gzip", "zstd"]) func refusesDamagedData(format: String) throws {
        var packed = try Self.pack(Self.plain, format)
        packed[packed.count / 2] ^= 0x55
        let error = try #require(throws: ArchiveError.self) { try Self.unpack(packed, 1000) }
        #expect(error.code == .corrupt)
    }

    @Test func refusesWhatIsNoTar() throws {
        let error = try #require(throws: ArchiveError.self) {
            try LayerReader(MemorySource(Array(repeating: UInt8(ascii: "x"), count: 2000))).next()
        }
        #expect(error.code == .corrupt)
    }

    /// A window of 128 MiB is in a file, from which also what is far behind comes back.
    @Test func readsLongWindows() throws {
        let folder = try TemporaryDirectory()
        let distance = (20 << 20) / Self.noise.count
        var plain: [UInt8] = []
        for number in 0..<(distance + 10) {
            plain += Self.noise.map { $0 ^ UInt8(truncatingIfNeeded: number % distance &* 37) }
        }
        let packed = try Self.pack(plain, "zstd --long=27")
        #expect(packed.count < plain.count)
        #expect(try Self.unpack(packed, 1 << 17, beside: "\(folder.path)/layer") == plain)
        #expect(try Self.unpack(packed, 1 << 17, beside: nil) == plain)
        #expect(try Syscall.entries(folder.path).isEmpty)
    }

    /// Where no file can be made, windows are in memory.
    @Test func readsLongWindowsWithoutAFile() throws {
        let packed = try Self.pack(Self.noise, "zstd --long=27")
        #expect(try Self.unpack(packed, 1000, beside: "/absent/layer") == Self.noise)
    }

    @Test(.requiresRoot) func tellsThatThereIsNoRoomForWindows() throws {
        let folder = try TemporaryDirectory()
        try Syscall.mount(source: "none", target: folder.path, type: "tmpfs", data: "size=256k")
        defer { try? Syscall.unmountAll(folder.path) }
        let packed = try Self.pack(Self.noise, "zstd --long=27")
        let error = try #require(throws: ArchiveError.self) {
            try Self.unpack(packed, 1000, beside: "\(folder.path)/layer")
        }
        #expect(error.code == .noSpace)
    }

    /// Frames that ask for windows of all sizes, one after the other.
    @Test func readsFramesWithOtherWindows() throws {
        let folder = try TemporaryDirectory()
        var packed: [UInt8] = []
        for window in [24, 27, 10, 26, 27, 25] { packed += try Self.pack(Self.noise, "zstd --zstd=wlog=\(window)") }
        let plain = (0..<6).flatMap { _ in Self.noise }
        #expect(try Self.unpack(packed, 1 << 16, beside: "\(folder.path)/layer") == plain)
    }

    /// Bytes that do not compress.
    private static let noise: [UInt8] = {
        var chance = Chance(seed: 1)
        return chance.bytes(words: 1 << 17)
    }()

    private static func unpack(_ bytes: [UInt8], _ blockSize: Int, beside path: String? = nil) throws -> [UInt8] {
        let decompressor = Decompressor(MemorySource(bytes, blockSize: blockSize), spillingBeside: path)
        var all: [UInt8] = []
        while true {
            let block = try decompressor.nextBlock()
            if block.isEmpty { break }
            all.append(contentsOf: block)
        }
        #expect(try decompressor.nextBlock().isEmpty)
        return all
    }

    static func pack(_ bytes: [UInt8], _ format: String) throws -> [UInt8] {
        guard format != "plain" else { return bytes }
        let folder = try TemporaryDirectory()
        try AtomicFile.write("\(folder.path)/in", bytes)
        try Command.run(["/bin/sh", "-c", "\(format) -c < \(folder.path)/in > \(folder.path)/out"])
        return try Syscall.readFile("\(folder.path)/out")
    }
}
