// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Testing
import TestSupport

@testable import Archive

@Suite struct ChecksumTests {
    private func checksum(_ pieces: [(offset: Int64, bytes: [UInt8])], length: Int64) -> UInt64 {
        var checksum = BlockChecksum()
        for piece in pieces { piece.bytes.withUnsafeBytes { checksum.add($0, at: piece.offset) } }
        return checksum.value(length: length)
    }

    /// A value of the library's own program: `printf abc | xxhsum -H3`.
    @Test func isXXH3() {
        let checksum = Checksum()
        checksum.update(Array("abc".utf8))
        #expect(checksum.text == "xxh3:78af5f94892f3950")
    }

    @Test func doesNotDependOnThePiecesNorOnTheOrderOfBlocks() {
        let bytes = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let whole = checksum([(0, bytes)], length: 20_480)
        for size in [1, 7, 511, 4095, 4096, 4097, 9000] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map { start in
                (offset: Int64(start), bytes: Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(checksum(pieces, length: 20_480) == whole, "pieces of \(size)")
        }
        let swapped = [(Int64(8192), Array(bytes[8192...])), (0, Array(bytes[..<8192]))]
        #expect(checksum(swapped, length: 20_480) == whole)
    }

    @Test func zerosAreHolesButOtherBlocksHaveTheirPlace() {
        let block = [UInt8](repeating: 5, count: 4096)
        let zeros = [UInt8](repeating: 0, count: 4096)
        let plain = checksum([(4096, block)], length: 12288)
        #expect(checksum([(0, zeros), (4096, block), (8192, zeros)], length: 12288) == plain)
        #expect(checksum([(0, block)], length: 12288) != plain)
        #expect(checksum([(4096, block)], length: 8192) != plain)
        #expect(checksum([(4096, block), (8192, block)], length: 12288) != plain)
    }

    @Test func aPatchIsAsIfItHadBeenWritten() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/file"
        let file = ErofsFile(SharedFD(try Syscall.open(path, [.readWrite, .create], mode: 0o600)))
        let bytes = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
        let start = Int64(try file.reserve(10)) * 4096
        try file.append(bytes, at: start)
        file.endContents()
        try file.flush()
        try file.patch([1, 2, 3], at: start + 4100)
        // The last block, which ends before the file does.
        try file.patch([9], at: start + 39_999)
        let checksum = try file.finish()
        let reader = try Syscall.open(path, [.readOnly])
        #expect(try BlockChecksum.of(reader.rawValue) == checksum)
        let written = try Syscall.readFile(path)
        #expect(Array(written[Int(start) + 4100..<Int(start) + 4103]) == [1, 2, 3])
    }
}
