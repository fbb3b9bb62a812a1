// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Archives that end too early or lie about themselves.
@Suite(.requiresRoot) struct DamagedTarTests {
    private var tar: TarBuilder {
        var tar = TarBuilder()
        tar.add("dir/", type: "5", mode: 0o755)
        tar.add("dir/file", content: Array(repeating: 7, count: 700), pax: [("SCHILY.xattr.user.x", [1, 2, 3])])
        tar.add("dir/link", type: "2", link: "file")
        return tar
    }

    /// Between entries, or without what fills up the last content, it is a shorter archive, which its digest gives away.
    /// Anywhere else it is an error.
    @Test func truncatedAnywhereIsAnError() throws {
        let bytes = tar.bytes
        // A header; another with records, its header and a content of 700 bytes; a header.
        let content = 512 + 512 + 512 + 512 + 700
        for length in 1...bytes.count {
            let reader = LayerReader(MemorySource(Array(bytes[..<length]), blockSize: 100))
            do {
                while try reader.next() != nil {}
                #expect(length == 512 || (content...content + 324).contains(length) || length == bytes.count)
            } catch let error as ArchiveError {
                #expect(error.code == .corrupt)
                #expect(error.reason.contains("cut off"))
            }
        }
    }

    @Test(arguments: LayerForm.all) func everyPieceOfAStreamIsReadAlike(form: LayerForm) throws {
        for blockSize in [1, 511, 512, 513, 100_000] {
            let lab = try LayerLab(form)
            try lab.unpack(tar.finished, blockSize: blockSize)
            #expect(try Syscall.readFile("\(lab.root)/dir/file") == Array(repeating: 7, count: 700))
            #expect(try lab.attribute("dir/file", "user.x") == [1, 2, 3])
        }
    }

    @Test(arguments: [
        ("size", "99999999999999999999"), ("uid", "4294967295"), ("uid", "-1"), ("mtime", "tomorrow"),
        ("GNU.sparse.map", "0,1,0,1"), ("GNU.sparse.map", "5"), ("GNU.sparse.size", "-3"),
    ])
    func refusesSenselessRecords(key: String, value: String) throws {
        var tar = TarBuilder()
        var records = [(key, Array(value.utf8))]
        if key == "GNU.sparse.map" { records.append(("GNU.sparse.size", Array("700".utf8))) }
        tar.add("file", content: [1, 2], pax: records)
        for form in LayerForm.all {
            let error = try #require(throws: ArchiveError.self) { try LayerLab(form).unpack(tar) }
            #expect(error.code == .corrupt || error.code == .unsupported)
        }
    }
}
