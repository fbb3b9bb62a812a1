// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Archive
import Linux
import Testing
import TestSupport

/// Archives of entries by chance, one unpacked above another: both forms show the same, or refuse both.
@Suite(.requiresRoot) struct RandomLayerTests {
    /// Writes archives in which few names are used often, most of what is linked to is there, and files seldom stand in the
    /// way of directories.
    private struct Author {
        var chance: Chance
        private var files: [String] = ["below"]

        init(_ chance: Chance) { self.chance = chance }

        private mutating func directory() -> String {
            (0..<chance.number(below: 4)).map { _ in chance.one(of: ["a/", "b/", "c/"]) }.joined()
        }

        mutating func write(entries: Int, hidesBelow: Bool) -> TarBuilder {
            var tar = TarBuilder()
            tar.add("below", content: [1])
            for _ in 0..<entries { add(to: &tar, hidesBelow) }
            return tar
        }

        private mutating func add(to tar: inout TarBuilder, _ hidesBelow: Bool) {
            let modified = [0, 5, 1_000_000][chance.number(below: 3)]
            let (mode, uid) = ([0o700, 0o755, 0o4711][chance.number(below: 3)], chance.number(below: 3) * 70_000)
            let pax: [(String, [UInt8])] =
                chance.number(below: 8) == 0 ? [("SCHILY.xattr.user.\(chance.one(of: ["k", "l"]))", [7])] : []
            let parent = directory()
            let file = parent + chance.one(of: ["f", "g", "h"])
            let name = parent + chance.one(of: ["a", "b", "c"])
            switch chance.number(below: hidesBelow ? 20 : 14) {
            case 0..<4:
                let content = [UInt8](repeating: UInt8(mode & 0xFF), count: chance.number(below: 3) * 2500)
                tar.add(file, content: content, mode: mode, uid: uid, modified: modified, pax: pax)
                files.append(file)
            case 4..<10: tar.add(name + "/", type: "5", mode: mode, uid: uid, modified: modified, pax: pax)
            case 10:
                let target = chance.one(of: ["/a", "/b", "/c", "/b/c", "c/../b"])
                tar.add(name, type: "2", uid: uid, modified: modified, link: target)
            case 11: tar.add(file, type: "6", mode: mode, uid: uid, modified: modified)
            case 12..<16:
                let target = chance.number(below: 2) == 0 ? "below" : chance.one(of: files)
                tar.add(file, type: "1", link: target)
                if chance.number(below: 9) > 0 { files.append(file) }
            case 16: tar.add(parent + ".wh." + chance.one(of: ["a", "b", "c", "f"]))
            case 17: tar.add(parent + ".wh..wh..opq")
            case 18:
                let place = chance.number(below: 4) == 0 ? name : file
                tar.add(place, type: "1", link: chance.one(of: files))
            default:
                let place = chance.number(below: 4) == 0 ? name : file
                tar.add(place, content: [1], mode: mode, uid: uid, modified: modified)
            }
        }
    }

    /// What a layer shows, or that it is refused and how.
    private func outcome(_ lab: LayerLab, _ tar: TarBuilder, above below: LowerTree? = nil) throws -> [String] {
        let summary: LayerSummary
        do {
            summary = try lab.unpack(tar, above: below)
        } catch let error as ArchiveError {
            return ["\(error)"]
        }
        var lines = ["\(summary.bringsRoot) \(summary.impliedDirectories) \(summary.skippedAttributes)"]
        var inodes: [UInt64: String] = [:]
        try list(lab, "", &lines, &inodes)
        return lines
    }

    private func list(
        _ lab: LayerLab, _ directory: String, _ lines: inout [String], _ inodes: inout [UInt64: String]
    ) throws {
        for name in try lab.entries(directory).sorted() {
            let path = "\(directory)/\(name)"
            let status = try lab.status(path)
            var line = "\(path) \(String(status.mode, radix: 8)) \(status.uid)"
            if status.isSymlink { line += " -> \(try Syscall.readLink("\(lab.root)/\(path)"))" }
            if status.kind == .regular || status.isDirectory {
                let names = try Syscall.attributeNames("\(lab.root)/\(path)")
                line += " \(names.sorted())"
            }
            if status.kind == .regular { line += " \(status.size)" }
            if !status.isDirectory, try !lab.isDeletion(path) {
                line += " \(status.links) = \(inodes[status.inode] ?? "")"
                inodes[status.inode] = inodes[status.inode] ?? path
            }
            if try !lab.isDeletion(path) { line += " \(status.modified.seconds)" }
            lines.append(line)
            if status.isDirectory { try list(lab, path, &lines, &inodes) }
        }
    }

    @Test(arguments: 0..<12) func bothFormsShowTheSame(seed: Int) throws {
        guard LayerForm.all.count == 2 else { return }
        for pair in 0..<6 {
            var author = Author(Chance(seed: UInt64(seed) << 32 + UInt64(pair)))
            let lower = author.write(entries: 10, hidesBelow: false)
            let upper = author.write(entries: 12, hidesBelow: true)
            let outcomes = try LayerForm.all.map { form in
                let (below, above) = (try LayerLab(form), try LayerLab(form))
                let first = try outcome(below, lower)
                let tree = first.count > 1 ? try below.lower() : nil
                return [first, try outcome(above, upper, above: tree)]
            }
            #expect(outcomes[0] == outcomes[1], "pair \(pair)")
        }
    }
}
