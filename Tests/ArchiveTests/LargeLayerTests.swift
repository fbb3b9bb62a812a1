// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Layers that are large in one way or the other.
@Suite(.requiresRoot) struct LargeLayerTests {
    /// More than 32 bits of size and of offset, with content at the beginning, behind 4 GiB, and at the end.
    @Test(arguments: LayerForm.all) func filesMayBeLongerThan4GiB(form: LayerForm) throws {
        let pieces: [(offset: Int64, text: String)] = [
            (0, "first"), (4_294_971_392, "middle"), (4_300_000_000, "last"),
        ]
        let size = 4_300_000_004
        var map = Array("\(pieces.count)\n".utf8)
        for piece in pieces { map += Array("\(piece.offset)\n\(piece.text.utf8.count)\n".utf8) }
        map += [UInt8](repeating: 0, count: 512 - map.count % 512)
        var tar = TarBuilder()
        func number(_ value: Int) -> [UInt8] { Array("\(value)".utf8) }
        tar.add(
            "stored", content: map + pieces.flatMap { Array($0.text.utf8) },
            pax: [
                ("GNU.sparse.major", number(1)), ("GNU.sparse.minor", number(0)),
                ("GNU.sparse.name", Array("large".utf8)), ("GNU.sparse.realsize", number(size)),
            ])
        tar.add("after", content: [1])
        let lab = try LayerLab(form)
        let summary = try lab.unpack(tar)
        #expect(try lab.status("large").size == UInt64(size))
        let file = try Syscall.open("\(lab.root)/large", [.readOnly])
        for piece in pieces {
            let found = try Syscall.read(file.rawValue, upTo: piece.text.utf8.count, at: piece.offset)
            #expect(String(decoding: found, as: UTF8.self) == piece.text)
        }
        for hole in [Int64(4096), 4_294_967_296, 4_299_999_000] {
            #expect(try Syscall.read(file.rawValue, upTo: 16, at: hole) == [UInt8](repeating: 0, count: 16))
        }
        #expect(try Syscall.readFile("\(lab.root)/after") == [1])
        // The holes take nothing.
        #expect(summary.bytes < 64 << 20)
    }

    /// In memory there is a name for each, but no content and no file.
    @Test func aMillionEntries() throws {
        guard LayerForm.all.contains(.erofs) else { return }
        let lab = try LayerLab(.erofs)
        // The file is shown through a loop device here.
        try Syscall.makeDirectory(lab.path + "-disk")
        try Syscall.mount(source: "million", target: lab.path + "-disk", type: "tmpfs", data: "size=2g,nr_inodes=0")
        let writer = try lab.writer(at: "\(lab.path)-disk/layer")
        let entries = ManyEntries()
        try writer.take(LayerReader(entries))
        let summary = try lab.finish(writer, above: nil)
        #expect(!writer.needsLower)
        #expect(try Syscall.entries(lab.root).count == ManyEntries.directories)
        let (last, inside) = (ManyEntries.directories - 1, ManyEntries.files - 1)
        #expect(try lab.entries(ManyEntries.name(0)).count == ManyEntries.files)
        #expect(try lab.status("\(ManyEntries.name(last))/\(ManyEntries.name(inside))").uid == 7)
        #expect(summary.bytes < 128 << 20)
    }
}

/// A thousand directories with 999 empty files each: a million entries, made as they are read.
private final class ManyEntries: BlockSource {
    static let directories = 1000
    static let files = 999

    private let directory: [UInt8]
    private let file: [UInt8]
    private var next = 0
    private var block: [UInt8] = []

    static func name(_ number: Int) -> String { String(1000 + number) }

    init() {
        var tar = TarBuilder()
        tar.add("1000/", type: "5", mode: 0o755)
        directory = tar.bytes
        tar = TarBuilder()
        tar.add("1000/1000", uid: 7)
        file = tar.bytes
    }

    func nextBlock() -> UnsafeRawBufferPointer {
        guard next < Self.directories else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        block = Self.numbered(directory, next, nil)
        for number in 0..<Self.files { block += Self.numbered(file, next, number) }
        next += 1
        // The array is kept in `block`, so its storage outlives this call and stays until the next.
        return block.withUnsafeBytes { $0 }
    }

    /// The header with other numbers in its name, and its checksum put right.
    private static func numbered(_ header: [UInt8], _ first: Int, _ second: Int?) -> [UInt8] {
        var header = header
        var sum = header[148..<154].reduce(0) { $0 * 8 + Int($1 - 48) }
        for (offset, number) in [(0, first), (5, second)] {
            guard let number else { continue }
            for (index, digit) in name(number).utf8.enumerated() {
                sum += Int(digit) - Int(header[offset + index])
                header[offset + index] = digit
            }
        }
        let digits = Array(String(sum, radix: 8).utf8)
        header.replaceSubrange(148..<154, with: [UInt8](repeating: 48, count: 6 - digits.count) + digits)
        return header
    }
}
