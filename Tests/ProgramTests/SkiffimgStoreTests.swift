// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// The commands that work on what the store has.
@Suite("skiffimg: the store", .requiresRoot)
struct SkiffimgStoreTests {
    let lab: SkiffimgLab
    let id: String

    init() throws {
        lab = try SkiffimgLab()
        try lab.layout.add(SkiffimgLab.layers(), tag: "v1")
        id = String(try lab.succeed("pull", "oci:layout:v1", "--name", "example.org/app:1").dropLast())
    }

    private func json(_ words: String...) throws -> Any {
        let result = try lab.run(words + ["--json"])
        #expect(result.status == .exited(0), "\(words): \(result.errorText)")
        return try JSONSerialization.jsonObject(with: Data(result.output), options: .fragmentsAllowed)
    }

    @Test func tagsGoOneByOneAndTheLastWithTheImage() throws {
        try lab.succeed("tag", "example.org/app:1", "example.org/app:2")
        #expect(try lab.succeed("remove", "example.org/app:1") == "example.org/app:1\n")
        #expect(try lab.succeed("list", "--quiet") == id + "\n")
        #expect(try lab.succeed("rmi", "example.org/app:2") == id + "\n")
        #expect(try lab.isStoreEmpty())
    }

    @Test func mountsUntilUnmounted() throws {
        let path = String(try lab.succeed("mount", "example.org/app:1").dropLast())
        #expect(try Syscall.readText("\(path)/bin/tool") == "tool")
        #expect(throws: Errno.EROFS) { try Syscall.makeDirectory("\(path)/x") }
        let part = String(try lab.succeed("mount", "--sub-path", "bin", "--name", "part", id).dropLast())
        #expect(try Set(Syscall.entries(part)) == ["tool", "alias"])
        let mounts = try #require(try json("mount") as? [[String: Any]])
        #expect(mounts.count == 2)
        let refused = try lab.run("remove", id)
        #expect(refused.status == .exited(1) && refused.errorText.contains("mounted as"))
        #expect(try lab.succeed("umount", "part") == "part\n")
        try lab.succeed("umount", "--all")
        #expect(try lab.run("umount", "part").status == .exited(1))
        #expect(try lab.run("umount").status == .exited(64))
        #expect(try MountInfo.read().allSatisfy { !$0.mountPoint.hasPrefix(lab.path) })
        try lab.succeed("remove", id)
    }

    @Test func checkFindsAndRepairFetches() throws {
        let registry = try DocumentRegistry()
        try registry.push("oci:\(lab.layout.path):v1", as: "app:v1")
        let name = "\(registry.address)/app:v1"
        let insecure = ["--insecure-registry", registry.address]
        // A layer that is a directory can be changed in place.
        try lab.succeed("remove", id)
        let insecureDirectories = insecure + ["--layer-format", "directory"]
        #expect(try lab.run(["pull", name] + insecureDirectories).status == .exited(0))
        try lab.succeed("check")
        let layers = "\(lab.path)/root/layers/sha256"
        let victim = try #require(try Syscall.entries(layers).first { Syscall.exists("\(layers)/\($0)/bin/tool") })
        try Syscall.writeExisting("\(layers)/\(victim)/bin/tool", "TOOL")
        let found = try lab.run("check", "--json")
        #expect(found.status == .exited(1))
        #expect(found.outputText.contains(victim))
        #expect(try lab.succeed("list", "--quiet").isEmpty)
        let repaired = try lab.run(["check", "--repair"] + insecureDirectories)
        #expect(repaired.status == .exited(0), "\(repaired.errorText)")
        #expect(repaired.outputText.contains("repaired: image \(id)"))
        #expect(try Syscall.readText("\(layers)/\(victim)/bin/tool") == "tool")
        #expect(try lab.succeed("list", "--quiet") == id + "\n")
        try lab.succeed("check")
    }

    /// What the program lacks itself says nothing of the store.
    @Test func wantOfDescriptorsIsNoDamage() throws {
        var tar = TarBuilder()
        tar.add((0..<80).map { "\($0)" }.joined(separator: "/") + "/file", content: [1])
        var layout = lab.layout
        try layout.add([LayoutBuilder.Layer(tar)], tag: "deep")
        try lab.succeed("pull", "oci:layout:deep", "--name", "deep:1", "--layer-format", "directory")
        let script = "ulimit -n 64; exec \"$@\""
        let program = try SkiffimgLab.program()
        let plan = ChildPlan("/bin/sh", ["sh", "-c", script, "sh", program, "check"] + lab.store)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains("too many open files"), "\(result.errorText)")
        #expect(try lab.succeed("list").contains("deep"))
        try lab.succeed("check")
    }

    @Test func layersThatAreNotKeptComeFromTheRegistry() throws {
        // Of a layout nobody knows any more where it was.
        let refused = try lab.run("copy", "example.org/app:1", "oci:copy:v1")
        #expect(refused.status == .exited(1))
        #expect(refused.errorText.split(separator: "\n").count == 1 && refused.errorText.contains("example.org"))
        #expect(!Syscall.exists("\(lab.path)/copy"))
        let registry = try DocumentRegistry()
        try registry.push("oci:\(lab.layout.path):v1", as: "app:v1")
        let name = "\(registry.address)/app:v1"
        let insecure = ["--insecure-registry", registry.address]
        #expect(try lab.run(["pull", name] + insecure).status == .exited(0))
        let copied = try lab.run(["copy", "store:\(name)", "oci:copy:v1"] + insecure)
        #expect(copied.status == .exited(0), "\(copied.errorText)")
        #expect(try lab.succeed("manifest", "oci:copy:v1") == lab.succeed("manifest", "oci:layout:v1"))
    }

    @Test func everythingIsToldAsJSON() throws {
        for words in [
            ["list"], ["inspect", id], ["config", id], ["manifest", id], ["history", id], ["gc"], ["check"],
        ] {
            let result = try lab.run(words + ["--json"])
            #expect(result.status == .exited(0), "\(words): \(result.errorText)")
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(result.output)) }
        }
        // The top layer is empty.
        #expect((try json("diff", id) as? [[String: String]])?.isEmpty == true)
        #expect((try json("unpack", id, "there") as? [String: String])?["id"] == id)
        #expect((try json("remove", id) as? [[String: String]])?.first == ["id": id])
    }

    @Test func whatAnImageSaysIsNoCommandForATerminal() throws {
        try lab.layout.add(SkiffimgLab.layers(), tag: "loud", createdBy: #"\u001b[2Jrun"#)
        let text = try lab.succeed("history", "oci:layout:loud")
        #expect(text.contains(#"\u{1B}[2Jrun"#) && !text.contains("\u{1B}"), "\(text)")
    }

    @Test func treeShowsSizes() throws {
        let tree = try lab.succeed("list", "--tree")
        #expect(tree.hasPrefix("example.org/app:1"))
        #expect(tree.split(separator: "\n").count == 4)
        #expect(tree.contains("└──") && tree.contains("kB"))
    }

    @Test func garbageIsCollected() throws {
        try lab.layout.add([LayoutBuilder.Layer(TarBuilder())], tag: "v2")
        try lab.succeed("pull", "oci:layout:v2", "--name", "example.org/app:1")
        #expect(try lab.succeed("gc") == id + "\n")
        #expect(try lab.succeed("list", "--quiet").split(separator: "\n").count == 1)
        try lab.succeed("gc", "--all")
        #expect(try lab.isStoreEmpty())
    }

    @Test func saysWhichVersionItIs() throws {
        let result = try CommandOutput.run(ChildPlan(SkiffimgLab.program(), [SkiffimgLab.program(), "--version"]))
        #expect(result.status == .exited(0))
        #expect(result.outputText.wholeMatch(of: /skiffimg version [0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionIsOffered(shell: String) throws {
        let program = try SkiffimgLab.program()
        let result = try CommandOutput.run(ChildPlan(program, [program, "--generate-completion-script", shell]))
        #expect(result.status == .exited(0))
        #expect(result.outputText.contains("history"))
    }
}
