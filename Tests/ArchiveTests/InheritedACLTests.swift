// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// A directory may have a list of what is allowed to whom in the files that are made in it. In a layer these have what the
/// archive says, in whatever form it is kept. See acl(5).
@Suite(.requiresRoot) struct InheritedACLTests {
    /// In the form of the kernel's linux/posix_acl_xattr.h: a version, then tag, permissions and id of each entry.
    private static let preset: [UInt8] = {
        let entries: [(tag: UInt16, permissions: UInt16, id: UInt32)] = [
            (0x01, 7, .max), (0x02, 7, 1234), (0x04, 7, .max), (0x10, 7, .max), (0x20, 0, .max),
        ]
        func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
            (0..<(number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        return bytes(UInt32(2)) + entries.flatMap { bytes($0.tag) + bytes($0.permissions) + bytes($0.id) }
    }()

    private func add(to tar: inout TarBuilder, _ directory: String) {
        tar.add(
            directory, type: "5", mode: 0o750, pax: [("SCHILY.xattr.system.posix_acl_default", Self.preset)])
        tar.add("\(directory)file", content: [1], mode: 0o640)
        tar.add("\(directory)fifo", type: "6", mode: 0o640)
        tar.add("\(directory)inner/", type: "5", mode: 0o700)
        tar.add("\(directory)implied/file", content: [1], mode: 0o600)
    }

    private func check(_ root: String, _ directory: String) throws {
        let list = "system.posix_acl_default"
        #expect(try Syscall.attribute("\(root)/\(directory)", list) == Self.preset)
        let modes: [(String, UInt32)] = [
            ("file", 0o640), ("fifo", 0o640), ("inner", 0o700), ("implied", 0o755), ("implied/file", 0o600),
        ]
        for (name, mode) in modes {
            let path = "\(root)/\(directory)\(name)"
            #expect(try Syscall.attributeNames(path).filter { $0.hasPrefix("system.") }.isEmpty, "\(name)")
            #expect(try Syscall.linkStatus(path).permissions == mode, "\(name)")
        }
    }

    @Test(arguments: LayerForm.all) func nothingIsInheritedInALayer(form: LayerForm) throws {
        let lab = try LayerLab(form)
        var tar = TarBuilder()
        add(to: &tar, "d/")
        try lab.unpack(tar)
        try check(lab.root, "d/")
    }

    /// Also where the directory is there already.
    @Test func nothingIsInheritedInATree() throws {
        let folder = try TemporaryDirectory()
        for _ in 0..<2 {
            var tar = TarBuilder()
            add(to: &tar, "d/")
            let extractor = try LayerExtractor(into: folder.path, whiteout: .flatten)
            try extractor.take(LayerReader(MemorySource(tar.finished)))
            _ = try extractor.finish(above: nil)
            try check(folder.path, "d/")
        }
    }
}
