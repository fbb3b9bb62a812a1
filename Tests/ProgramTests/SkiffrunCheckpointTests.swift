// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// Containers that end and go on from files. Where criu does not work with the kernel, which criu is asked for, the
/// error must say so and the container must go on.
@Suite("skiffrun: checkpoint and restore", .requiresRoot)
struct SkiffrunCheckpointTests {
    private static let path = "/usr/sbin:/usr/bin:/sbin:/bin"

    /// nil without criu on this machine.
    private var criuWorks: Bool? {
        get throws {
            guard let criu = ChildPlan.find("criu", path: Self.path) else { return nil }
            let plan = ChildPlan(criu, [criu, "check"], environment: ["PATH=\(Self.path)"])
            return try CommandOutput.run(plan).status.isSuccess
        }
    }

    /// A child counts in a file of the rootfs, and its parent in another; the streams are the null device, so that nothing
    /// of the caller is in the images.
    private func startCounter(_ bundle: SkiffrunBundle) throws {
        let script = """
            count() { i=0; while :; do i=$((i+1)); echo $i >/tmp/new$1; mv /tmp/new$1 /tmp/count$1; sleep 0.05; done; }
            count 2 & count 1
            """
        try bundle.configure(script: script)
        try Syscall.makeSymlink("busybox", "\(bundle.rootfs)/bin/mv")
        let result = try bundle.run(after: "exec </dev/null >/dev/null 2>/dev/null", ["run", "-d", "c"])
        try #require(result.status.isSuccess)
        try eventually("both count") { try count(bundle) > 3 && count(bundle, ofChild: true) > 3 }
    }

    private func count(_ bundle: SkiffrunBundle, ofChild: Bool = false) throws -> Int {
        let file = "\(bundle.rootfs)/tmp/count\(ofChild ? 2 : 1)"
        return (try? Syscall.readText(file)).flatMap { Int($0.trimmed) } ?? 0
    }

    private func run(_ bundle: SkiffrunBundle, _ arguments: [String]) throws -> CommandOutput {
        try bundle.run(after: "export PATH=\(Self.path)", arguments)
    }

    @Test func aProcessTreeLivesOn() throws {
        let bundle = try SkiffrunBundle()
        try startCounter(bundle)
        let images = "\(bundle.scratch)/images"
        let result = try run(bundle, ["checkpoint", "--image-path", images, "c"])
        guard try criuWorks == true else {
            #expect(result.status == .exited(1))
            let reason = try criuWorks == nil ? "executable file not found in $PATH" : "criu failed: type DUMP"
            #expect(result.errorText.contains(reason), "\(result.errorText)")
            #expect(try bundle.status() == "running")
            let before = try count(bundle)
            try eventually("it goes on") { try count(bundle) > before }
            return
        }
        expect(result, 0, "")
        bundle.expectNothingLeft()
        let last = try count(bundle)
        let lastOfChild = try count(bundle, ofChild: true)
        let pidFile = "\(bundle.scratch)/pid"
        let arguments = ["restore", "--detach", "--pid-file", pidFile, "--image-path", images, "c"]
        let restored = try bundle.run(
            after: "export PATH=\(Self.path); exec </dev/null >/dev/null 2>\(bundle.scratch)/errors", arguments)
        let errors = try Syscall.readText("\(bundle.scratch)/errors")
        #expect(restored.status.isSuccess, "\(errors)")
        #expect(try bundle.status() == "running")
        #expect(try Syscall.readText(pidFile) == "\(try #require(try bundle.state()["pid"] as? Int))")
        try eventually("both go on where they were") {
            try count(bundle) > last && count(bundle, ofChild: true) > lastOfChild
        }
        #expect(try bundle.run("exec", "c", "cat", "/proc/1/comm").outputText == "sh\n")
        expect(try run(bundle, ["checkpoint", "--leave-running", "--image-path", images + "2", "c"]), 0, "")
        #expect(try bundle.status() == "running")
        expect(try bundle.run("delete", "--force", "c"), 0, "")
        bundle.expectNothingLeft()
    }

    @Test(arguments: [
        (["checkpoint", "none"], "container does not exist"),
        (["checkpoint", "--parent-path", "/x", "c"], "--parent-path \"/x\" must be relative"),
        (["checkpoint", "--manage-cgroups-mode", "x", "c"], "Invalid manage-cgroups-mode \"x\""),
        (["checkpoint", "--page-server", "host", "c"], "invalid --page-server \"host\": ADDRESS:PORT is expected"),
        (["checkpoint", "--empty-ns", "pid", "c"], "invalid empty-ns option \"pid\": network is expected"),
        (["checkpoint", "c"], "Container cannot be checkpointed in stopped state"),
        (["--criu", "/nowhere/criu", "checkpoint", "c"], "Container cannot be checkpointed in stopped state"),
        (["restore", "--image-path", "/nowhere", "d"], "open \"/nowhere\": no such file or directory"),
    ])
    func errorsAreNamed(_ arguments: [String], _ error: String) throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        try #require(try bundle.run("run", "--keep", "c").status.isSuccess)
        let result = try bundle.run(arguments)
        #expect(result.status == .exited(1))
        #expect(result.errorText.contains(error), "\(result.errorText)")
        #expect(try bundle.run("list", "-q").outputText == "c\n")
    }

    @Test func imagesThatAreNone() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"])
        let images = "\(bundle.scratch)/images"
        try Syscall.makeDirectory(images)
        expect(try run(bundle, ["restore", "--image-path", images, "c"]), 1, "no checkpoint in \"\(images)\"\n")
        try AtomicFile.write("\(images)/descriptors.json", "[]")
        let result = try run(bundle, ["restore", "--image-path", images, "c"])
        #expect(result.status == .exited(1))
        let reason = try criuWorks == nil ? "executable file not found in $PATH" : "criu failed: type RESTORE"
        #expect(result.errorText.contains(reason), "\(result.errorText)")
        bundle.expectNothingLeft()
    }
}
