// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import Testing
import TestSupport

/// The same image as skopeo copies and umoci unpacks it: every path, its kind, mode, owner, time, size, links, attributes
/// and content.
@Suite(.requiresRoot) struct ReferenceTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    private func addImage() throws {
        var base = TarBuilder()
        base.add("./", type: "5", mode: 0o755, modified: 1000)
        base.add("bin/", type: "5", mode: 0o755, modified: 1001)
        base.add("bin/su", content: Array("setuid".utf8), mode: 0o4755, modified: 1002)
        base.add(
            "bin/ping", content: Array("ping".utf8), mode: 0o755, modified: 1003,
            pax: [("SCHILY.xattr.security.capability", [1, 0, 0, 2, 0, 32] + [UInt8](repeating: 0, count: 14))])
        base.add("bin/hard", type: "1", link: "bin/su")
        base.add("dev/", type: "5", mode: 0o755, modified: 1004)
        base.add("dev/null", type: "3", mode: 0o666, modified: 1005, device: (1, 3))
        base.add("dev/fifo", type: "6", mode: 0o600, modified: 1006)
        base.add("tmp/", type: "5", mode: 0o1777, modified: 1007)
        base.add("big", content: (0..<300_000).map { UInt8(truncatingIfNeeded: $0 >> 4) }, uid: 70_000, gid: 80_000)
        base.add("etc/", type: "5", mode: 0o700, uid: 3, modified: 1008)
        base.add("etc/passwd", content: [1], modified: 1009)
        base.add("etc/shadow", content: [1], mode: 0o600, gid: 42, modified: 1010)
        base.add("var/", type: "5", mode: 0o755, modified: 1011)
        base.add("var/old", content: [1])
        base.add("link", type: "2", uid: 5, modified: 1012, link: "/etc/../bin")
        base.add(nameBytes: [0x63, 0x61, 0x66, 0xE9], content: [1], modified: 1013)
        base.add("kind", content: [1])
        base.add("other-kind/", type: "5", mode: 0o755)
        base.add("other-kind/inside", content: [1])
        var top = TarBuilder()
        top.add("etc/", type: "5", mode: 0o750, uid: 4, modified: 2000)
        top.add("etc/.wh.passwd")
        top.add("etc/shadow", content: Array("replaced".utf8), mode: 0o640, modified: 2001)
        top.add("var/", type: "5", mode: 0o755, modified: 2002)
        top.add("var/.wh..wh..opq")
        top.add("var/new", content: [2], modified: 2003, pax: [("mtime", Array("2003.123456789".utf8))])
        top.add("kind/", type: "5", mode: 0o755, modified: 2004)
        top.add("kind/inside", content: [3], modified: 2005)
        top.add("other-kind", content: [4], modified: 2006)
        top.add(String(repeating: "long-name/", count: 20), type: "5", mode: 0o700, modified: 2007)
        try lab.layout.add([LayoutBuilder.Layer(base), LayoutBuilder.Layer(top, compression: "zstd")], tag: "zstd")
        try lab.layout.add([LayoutBuilder.Layer(base), LayoutBuilder.Layer(top)], tag: "1")
    }

    @Test(arguments: LayerFormatTests.formats) func unpacksLikeSkopeoAndUmoci(format: LayerFormats) async throws {
        try addImage()
        let copy = "\(lab.folder.path)/copy"
        try Command.run([
            "/usr/bin/skopeo", "--insecure-policy", "copy", "--quiet", "oci:\(lab.layout.path):1", "oci:\(copy):1",
        ])
        let bundle = "\(lab.folder.path)/bundle"
        try Command.run(["/usr/bin/umoci", "unpack", "--image", "\(copy):1", bundle])
        let expected = try Self.describe("\(bundle)/rootfs")
        #expect(expected.count == 38)
        for tag in ["1", "zstd"] {
            let store = try ImageStore(root: lab.root, run: lab.run, format: format)
            let image = try await store.pull(
                Reference(parsing: "app:\(tag)"), from: lab.source(tag), platform: StoreLab.platform)
            let root = try store.mountRootfs(container: "c", image: image.id, readonly: true)
            let found = try Self.describe(root)
            #expect(Set(found.keys) == Set(expected.keys))
            for (path, text) in expected { #expect(found[path] == text, "\(path)") }
            try store.removeRootfs(container: "c")
            let copied = "\(lab.folder.path)/copied-\(tag)"
            try store.copy(image, to: copied)
            #expect(try Self.describe(copied) == expected)
        }
    }

    /// Everything about every file below a directory, by its path.
    private static func describe(_ root: String) throws -> [[UInt8]: String] {
        var found: [[UInt8]: String] = [:]
        func visit(_ directory: Int32, _ path: [UInt8]) throws {
            let readable = try Syscall.open(".", [.directory], at: directory)
            for name in try Syscall.rawEntries(of: readable.rawValue) {
                let status = try Syscall.linkStatus(name, at: directory)
                var text = "\(status.kind) \(String(status.mode, radix: 8)) \(status.uid):\(status.gid)"
                // Parents that no layer brings have whatever time it was.
                if !name.description.hasPrefix("long-name") { text += " \(status.modified)" }
                if !status.isDirectory { text += " \(status.size) bytes, \(status.links) links" }
                text += " \(status.deviceNumber)"
                for attribute in try Syscall.attributeNames(name, at: directory).map(\.description).sorted() {
                    text += " \(attribute)=\(try Syscall.attribute(name, RawName(attribute), at: directory))"
                }
                switch status.kind {
                case .symlink: text += " -> \(try Syscall.readLink(name, at: directory))"
                case .regular:
                    let content = try Syscall.open(name, [.readOnly, .noFollow], at: directory).readAll()
                    text += " \(Digest(of: content))"
                case .directory:
                    let inner = try Syscall.open(name, [.path, .directory, .noFollow], at: directory)
                    try visit(inner.rawValue, path + name.bytes + [47])
                default: break
                }
                found[path + name.bytes] = text
            }
        }
        let opened = try Syscall.open(root, [.path, .directory])
        try visit(opened.rawValue, [])
        return found
    }
}
