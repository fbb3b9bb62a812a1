// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// When processes of a container are in its cgroup: always.
@Suite(.requiresRoot)
struct SkiffrunCgroupTests {
    private let bundle: SkiffrunBundle

    init() throws { bundle = try SkiffrunBundle() }

    /// The pids in the container's cgroup, which every hierarchy has to list alike.
    private func members() throws -> Set<Int32> {
        let lists = try HostCgroups.mountPoints.map { mountPoint in
            let text = try Syscall.readText("\(mountPoint)\(bundle.cgroup)/c/cgroup.procs")
            return Set(text.split(separator: "\n").compactMap { Int32($0) })
        }
        let first = try #require(lists.first)
        #expect(lists.allSatisfy { $0 == first }, "\(lists)")
        return first
    }

    @Test func `the first process and one that joins are in every hierarchy`() throws {
        let pid = try bundle.startSleeper()
        #expect(try members() == [pid])
        let pidFile = "\(bundle.scratch)/pid"
        let result = try bundle.run("exec", "--detach", "--pid-file", pidFile, "c", "sleep", "1000")
        #expect(result.status.isSuccess, "\(result.errorText)")
        let joined = try #require(Int32(try Syscall.readText(pidFile)))
        #expect(try members() == [pid, joined])
    }

    @Test(arguments: ["prestart", "createRuntime"])
    func `hooks find the process in its cgroup`(_ kind: String) throws {
        let list = "\(bundle.scratch)/list"
        let script = HostCgroups.mountPoints.map { "cat \($0)\(bundle.cgroup)/c/cgroup.procs" }.joined(separator: ";")
        try bundle.configure(["true"]) {
            $0["hooks"] = [kind: [["path": "/bin/sh", "args": ["sh", "-c", "(\(script)) >\(list)"]]]]
        }
        let result = try bundle.run("run", "c")
        #expect(result.status.isSuccess, "\(result.errorText)")
        let pids = try Syscall.readText(list).split(separator: "\n")
        #expect(pids.count == HostCgroups.mountPoints.count && Set(pids).count == 1, "\(pids)")
        bundle.expectNothingLeft()
    }

    /// The process fails while the runtime does its part, sometimes before it hears of that and sometimes after.
    @Test func `a process that fails early is heard`() throws {
        try bundle.configure(["true"]) { $0.addMount("/mnt", type: "nosuchfs", source: "none", []) }
        for _ in 0..<20 {
            let result = try bundle.run("run", "c")
            #expect(result.errorText.contains("unknown filesystem type"), "\(result.errorText)")
            bundle.expectNothingLeft()
        }
    }
}
