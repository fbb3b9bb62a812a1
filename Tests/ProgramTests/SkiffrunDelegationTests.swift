// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// Containers that make cgroups themselves, which only v2 lets them do safely.
@Suite(.requiresRoot, .enabled(if: HostCgroups.isUnified, "the host has cgroup v2 alone"))
struct SkiffrunDelegationTests {
    private let bundle: SkiffrunBundle

    init() throws { bundle = try SkiffrunBundle() }

    private func makeWritable(_ configuration: inout Configuration) {
        let mounts = (configuration["mounts"] as? [[String: Any]] ?? []).filter {
            $0["destination"] as? String != "/sys/fs/cgroup"
        }
        configuration["mounts"] = mounts
        configuration.addMount("/sys/fs/cgroup", type: "cgroup", source: "cgroup", ["rw", "nosuid", "noexec", "nodev"])
    }

    private static let script = """
        cd /sys/fs/cgroup && mkdir inner inner/deep && echo $$ >inner/deep/cgroup.procs && cat /proc/self/cgroup
        exec sleep 1000
        """

    @Test(arguments: [false, true])
    func `cgroups that a container makes go with it`(_ hasUserNamespace: Bool) throws {
        try bundle.configure(script: Self.script) {
            makeWritable(&$0)
            guard hasUserNamespace else { return }
            $0.setNamespace("user", path: nil)
            $0["linux.uidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 1000]]
            $0["linux.gidMappings"] = [["containerID": 0, "hostID": 100_000, "size": 1000]]
        }
        if hasUserNamespace { try Syscall.changeMode(bundle.scratch, 0o755) }
        let result = try bundle.run("run", "--detach", "c")
        #expect(result.errorText == "")
        let directory = "/sys/fs/cgroup\(bundle.cgroup)/c"
        try eventually("the container has moved") {
            (try? Syscall.readText("\(directory)/inner/deep/cgroup.procs"))?.isEmpty == false
        }
        #expect(try Syscall.status(directory).uid == (hasUserNamespace ? 100_000 : 0))
        #expect(try Syscall.status("\(directory)/cgroup.procs").uid == (hasUserNamespace ? 100_000 : 0))
        // Limits stay with the host.
        #expect(try Syscall.status("\(directory)/pids.max").uid == 0)
        // A process that joins goes where the first one is, for nobody may be above.
        let joined = try bundle.run("exec", "c", "cat", "/proc/self/cgroup")
        #expect(joined.outputText.contains("0::/"), "\(joined.errorText)")
        #expect(try bundle.run("delete", "--force", "c").errorText == "")
        bundle.expectNothingLeft()
    }

    @Test func `a limit of one task is enough for one task`() throws {
        try bundle.configure(["cat", "/proc/self/cgroup"]) { $0["linux.resources.pids"] = ["limit": 1] }
        let result = try bundle.run("run", "c")
        #expect(result.outputText.trimmed == "0::/", "\(result.errorText)")
        bundle.expectNothingLeft()
    }
}
