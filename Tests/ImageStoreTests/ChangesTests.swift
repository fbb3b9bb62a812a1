// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import TestSupport
import Testing

/// What a container has changed in its root file system, as a tar and a list.
@Suite(.requiresRoot) struct ChangesTests {
    let lab: StoreLab

    init() throws { lab = try StoreLab() }

    @Test func additionsChangesAndRemovals() async throws {
        var tar = TarBuilder()
        for name in ["kept", "gone", "changed", "dir/one", "dir/two", "other/file", "place"] {
            tar.add(name, content: Array(name.utf8))
        }
        try lab.layout.add([LayoutBuilder.Layer(tar)])
        let store = try lab.open()
        let image = try await store.pull(Reference(parsing: "app"), from: lab.source(), platform: StoreLab.platform)
        let rootfs = try store.mountRootfs(container: "c", image: image.id, readonly: false)
        defer { try? store.removeRootfs(container: "c") }
        try Syscall.removeFile("\(rootfs)/gone")
        // The mode alone: overlayfs copies no content for that.
        try Syscall.changeMode("\(rootfs)/changed", 0o600)
        try Syscall.removeTree("\(rootfs)/dir")
        try Syscall.makeDirectory("\(rootfs)/dir")
        try AtomicFile.write("\(rootfs)/dir/two", "new two")
        try AtomicFile.write("\(rootfs)/other/added", "added")
        try AtomicFile.write("\(rootfs)/place", "not told")

        let archive = "\(lab.folder.path)/changes.tar"
        let removed = try store.writeChanges(of: "c", image: image.id, skipping: ["/place"], to: archive)
        #expect(removed.sorted() == ["/dir/one", "/gone"])
        let copy = "\(lab.folder.path)/copy"
        try Syscall.makeDirectory(copy)
        let program = try #require(ChildPlan.find("tar", path: "/usr/bin:/bin"))
        try #require(
            try CommandOutput.run(ChildPlan(program, [program, "-xpf", archive, "-C", copy])).status.isSuccess)
        #expect(try Set(Syscall.entries(copy)) == ["changed", "dir", "other"])
        #expect(try Syscall.entries("\(copy)/dir") == ["two"])
        #expect(try Syscall.entries("\(copy)/other") == ["added"])
        #expect(try Syscall.readText("\(copy)/changed") == "changed")
        #expect(try Syscall.status("\(copy)/changed").permissions == 0o600)
        #expect(try Syscall.readText("\(copy)/dir/two") == "new two")
    }
}
