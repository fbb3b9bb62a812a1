// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// `skiffimg` with a store, a layout and a registry in a temporary folder.
final class SkiffimgLab {
    let folder: TemporaryDirectory
    var layout: LayoutBuilder
    var path: String { folder.path }

    init() throws {
        folder = try TemporaryDirectory()
        layout = try LayoutBuilder("\(folder.path)/layout")
    }

    /// Runs the program beside the test bundle on the lab's store.
    func run(_ words: String...) throws -> CommandOutput { try run(words) }

    /// The program beside the test bundle.
    static func program() throws -> String {
        let own = try Syscall.readLink("/proc/self/exe")
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/skiffimg"
    }

    /// The words that name the lab's store.
    var store: [String] { ["--root", "\(path)/root", "--run-root", "\(path)/run"] }

    func run(_ words: [String]) throws -> CommandOutput {
        let program = try Self.program()
        let plan = ChildPlan(program, [program] + words + store, workingDirectory: path)
        return try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
    }

    /// The same for what must succeed.
    @discardableResult
    func succeed(_ words: String...) throws -> String {
        let result = try run(words)
        #expect(result.status == .exited(0), "\(words): \(result.errorText)")
        return result.outputText
    }

    /// Nothing of any image is in the store.
    func isStoreEmpty() throws -> Bool {
        try ["layers/sha256", "content/sha256", "staging", "trash"].allSatisfy { name in
            let directory = "\(path)/root/\(name)"
            return try !Syscall.exists(directory) || Syscall.entries(directory).isEmpty
        }
    }

    /// An image with everything that layers hold.
    static func layers() -> [LayoutBuilder.Layer] {
        var base = TarBuilder()
        base.add("./", type: "5", mode: 0o755, modified: 1111)
        base.add("bin/", type: "5", mode: 0o755)
        base.add("bin/tool", content: Array("tool".utf8), mode: 0o4755, uid: 12, gid: 34)
        base.add("bin/alias", type: "1", link: "bin/tool")
        base.add("usr/", type: "5", mode: 0o755)
        base.add("usr/lib/", type: "5", mode: 0o755)
        base.add("lib", type: "2", link: "usr/lib")
        base.add("lib/library", content: [1, 2, 3], pax: [("mtime", Array("1700000000.5".utf8))])
        base.add("etc/", type: "5", mode: 0o755)
        base.add("etc/gone", content: [1])
        base.add("etc/kept", content: [1], pax: [("SCHILY.xattr.user.note", Array("text".utf8))])
        base.add("old/", type: "5", mode: 0o755)
        base.add("old/file", content: [1])
        base.add("dev/", type: "5", mode: 0o755)
        base.add("dev/null", type: "3", mode: 0o666, device: (1, 3))
        base.add("dev/pipe", type: "6", mode: 0o600)
        base.add("tmp/", type: "5", mode: 0o1777, modified: 2222)
        base.add("opt/", type: "5", mode: 0o755)
        base.add("opt/\(String(repeating: "long-name-", count: 20))", content: [9])
        var top = TarBuilder()
        top.add("etc/", type: "5", mode: 0o750)
        top.add("etc/.wh.gone")
        top.add("old/", type: "5", mode: 0o700)
        top.add("old/new", content: [1], uid: 70_000)
        top.add("old/.wh..wh..opq")
        var plain = LayoutBuilder.Layer(TarBuilder(), compression: nil)
        plain.mediaType = "application/vnd.oci.image.layer.v1.tar"
        return [LayoutBuilder.Layer(base), LayoutBuilder.Layer(top), plain]
    }

    /// Every file of a tree with all that can be seen of it, by its path.
    static func snapshot(_ root: String) throws -> [String: String] {
        var all: [String: String] = [:]
        var names: [UInt64: [String]] = [:]
        func visit(_ directory: Int32, _ prefix: String) throws {
            let opened = try Syscall.open(".", [.directory], at: directory)
            for name in try Syscall.rawEntries(of: opened.rawValue) {
                let path = prefix + name.description
                let status = try Syscall.linkStatus(name, at: directory)
                names[status.inode, default: []].append(path)
                var text = "\(String(status.mode, radix: 8)) \(status.uid):\(status.gid) \(status.deviceNumber)"
                text += " \(status.modified.seconds).\(status.modified.nanoseconds)"
                for attribute in try Syscall.attributeNames(name, at: directory).sorted(by: { "\($0)" < "\($1)" }) {
                    text += " \(attribute)=\(try Syscall.attribute(name, attribute, at: directory))"
                }
                switch status.kind {
                case .symlink: text += " -> \(try Syscall.readLink(name, at: directory))"
                case .regular: text += " \(try Syscall.open(name, .readOnly, at: directory).readAll())"
                case .directory:
                    let inner = try Syscall.open(name, [.directory], at: directory)
                    try visit(inner.rawValue, path + "/")
                default: break
                }
                all[path] = text
            }
        }
        let opened = try Syscall.open(root, [.directory])
        try visit(opened.rawValue, "")
        for group in names.values where group.count > 1 {
            for path in group { all[path, default: ""] += " also \(group.sorted())" }
        }
        return all
    }
}
