// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite("skiffimg: images in and out", .requiresRoot)
struct SkiffimgTests {
    let lab: SkiffimgLab

    init() throws {
        lab = try SkiffimgLab()
        try lab.layout.add(SkiffimgLab.layers(), tag: "v1")
    }

    @Test func unpacksWhatUmociUnpacks() throws {
        try Command.run(["/usr/bin/umoci", "unpack", "--image", "\(lab.layout.path):v1", "\(lab.path)/umoci"])
        let expected = try SkiffimgLab.snapshot("\(lab.path)/umoci/rootfs")
        #expect(expected.count > 15)
        try lab.succeed("unpack", "oci:layout:v1", "direct")
        try expectSame("direct", expected)
        try lab.succeed("pull", "oci:layout:v1")
        try lab.succeed("unpack", "localhost/layout:v1", "stored")
        try expectSame("stored", expected)
        #expect(try Syscall.status("\(lab.path)/direct").modified.seconds == 1111)
    }

    @Test func pullsFromARegistry() throws {
        let registry = try DocumentRegistry()
        try registry.push("oci:\(lab.layout.path):v1", as: "team/app:v1")
        let name = "\(registry.address)/team/app:v1"
        let insecure = ["--insecure-registry", registry.address]
        let pulled = try lab.run(["pull", name] + insecure)
        #expect(pulled.status == .exited(0), "\(pulled.errorText)")
        let id = String(pulled.outputText.dropLast())
        #expect(id.hasPrefix("sha256:") && id.utf8.count == 71)
        #expect(try lab.succeed("list").contains(name))
        #expect(try lab.succeed("list", "--quiet") == id + "\n")
        // Where it is, without the store: the same image.
        let remote = try lab.run(["inspect", "docker://\(name)"] + insecure)
        #expect(remote.outputText.contains(id))
        #expect(try lab.succeed("inspect", name).contains("\"repoTags\""))
        try lab.succeed("unpack", String(id.dropFirst(7).prefix(12)), "stored")
        let direct = try lab.run(["unpack", "docker://\(name)", "direct"] + insecure)
        #expect(direct.status == .exited(0), "\(direct.errorText)")
        try expectSame("stored", SkiffimgLab.snapshot("\(lab.path)/direct"))
        #expect(try lab.succeed("rm", name) == id + "\n")
        #expect(try lab.isStoreEmpty())
    }

    private func expectSame(_ directory: String, _ expected: [String: String]) throws {
        let found = try SkiffimgLab.snapshot("\(lab.path)/\(directory)")
        for path in Set(found.keys).union(expected.keys).sorted() {
            #expect(found[path] == expected[path], "\(directory)/\(path)")
        }
    }

    /// On a terminal there is a bar while it lasts, and nothing of it afterwards; elsewhere there is none.
    @Test func aTerminalSeesHowFarAPullIs() throws {
        let words = try [SkiffimgLab.program(), "pull", "oci:layout:v1"] + lab.store
        let plan = ChildPlan(
            "/usr/bin/script",
            ["script", "--quiet", "--return", "--command", words.joined(separator: " "), "/dev/null"],
            environment: ["TERM=xterm"], workingDirectory: lab.path)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 60_000)
        #expect(result.status == .exited(0), "\(result.outputText)")
        let parts = result.outputText.split(separator: "\r\u{1B}[K", omittingEmptySubsequences: false)
        let bars = parts.filter { $0.contains(/^\[[#-]{24}\] [0-9]{1,3}%  .* of .*\/s  .* left  [0-9]\/[0-9]$/) }
        #expect(!bars.isEmpty, "\(parts)")
        #expect(parts.last?.contains("%") == false)
        #expect(try lab.run("pull", "oci:layout:v1", "--name", "example.org/x:9").errorText.contains("\u{1B}") == false)
    }

    /// A line that is longer than the terminal would leave its beginnings behind.
    @Test(arguments: [20, 50, 79]) func theBarIsShorterThanTheTerminal(columns: Int) throws {
        let words = try [SkiffimgLab.program(), "pull", "oci:layout:v1"] + lab.store
        let plan = ChildPlan(
            "/usr/bin/script",
            [
                "script", "--quiet", "--return", "--command",
                "stty columns \(columns) && \(words.joined(separator: " "))", "/dev/null",
            ], environment: ["TERM=xterm", "PATH=/usr/bin:/bin"], workingDirectory: lab.path)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 60_000)
        #expect(result.status == .exited(0), "\(result.outputText)")
        let bars = result.outputText.split(separator: "\r\u{1B}[K").filter { $0.contains("%") }
        #expect(!bars.isEmpty)
        #expect(bars.allSatisfy { $0.count < columns }, "\(bars)")
    }

    @Test func quietPullPrintsOnlyTheID() throws {
        let result = try lab.run("pull", "--quiet", "oci:layout:v1", "--name", "example.org/x:2")
        #expect(result.errorText.isEmpty)
        #expect(result.outputText.split(separator: "\n").count == 1)
        #expect(try lab.succeed("list", "--json").contains("\"example.org/x:2\""))
    }

    @Test func helpIsNoError() throws {
        let result = try lab.run("--help")
        #expect(result.status == .exited(0) || result.outputText.contains("USAGE"))
        #expect(try lab.run("frobnicate").status == .exited(64))
    }
}
