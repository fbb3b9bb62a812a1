// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// AppArmor of the host.
enum AppArmor {
    static let parser = ChildPlan.find("apparmor_parser", path: "/usr/sbin:/usr/bin:/sbin:/bin")
    static var isThere: Bool {
        parser != nil && (try? Syscall.readText("/sys/module/apparmor/parameters/enabled").hasPrefix("Y")) == true
            && Syscall.exists("/sys/kernel/security/apparmor")
    }
}

extension Trait where Self == ConditionTrait {
    static var hasAppArmor: Self { .enabled(if: AppArmor.isThere, "AppArmor is there, with its parser") }
}

/// Profiles of AppArmor, where the kernel has it and apparmor_parser(8) can load them.
@Suite("skiffrun: AppArmor", .requiresRoot, .hasAppArmor)
struct SkiffrunAppArmorTests {
    /// A profile of the test's own that allows everything but reading /etc/passwd.
    private func load(_ name: String, _ bundle: SkiffrunBundle, remove: Bool = false) throws {
        let file = "\(bundle.scratch)/profile"
        try AtomicFile.write(
            file,
            """
            profile \(name) flags=(attach_disconnected,mediate_deleted) {
              file, capability, network, mount, umount, pivot_root, ptrace, signal, unix,
              deny /etc/passwd r,
            }

            """)
        let parser = try #require(AppArmor.parser)
        let result = try CommandOutput.run(
            ChildPlan(parser, [parser, remove ? "-R" : "-r", "-K", file]), timeoutMilliseconds: 60_000)
        try #require(result.status.isSuccess, "\(result.errorText)")
    }

    @Test func profilesConfineContainersAndWhatIsExecuted() throws {
        let bundle = try SkiffrunBundle()
        let name = String(bundle.cgroup.dropFirst())
        try load(name, bundle)
        defer { try? load(name, bundle, remove: true) }
        let script = "cat /proc/self/attr/current; cat /etc/passwd 2>/dev/null || echo denied"
        let confined = ["\(name) (enforce)", "denied"]
        #expect(try bundle.output(script) { $0["process.apparmorProfile"] = name }.linesList == confined)
        _ = try bundle.startSleeper("free")
        let free = try bundle.run("exec", "free", "sh", "-c", script).outputText.linesList
        #expect(free.first == "unconfined" && free.count > 2, "\(free)")
        #expect(try bundle.run("exec", "--apparmor", name, "free", "sh", "-c", script).outputText.linesList == confined)
        _ = try bundle.startSleeper("bound") { $0["process.apparmorProfile"] = name }
        #expect(try bundle.run("exec", "bound", "sh", "-c", script).outputText.linesList == confined)
    }

    @Test func profileThatIsNotLoaded() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["process.apparmorProfile"] = "skiff-no-such-profile" }
        let result = try bundle.run("create", "c")
        #expect(result.status == .exited(1))
        // podman looks for the path.
        #expect(
            result.errorText.contains("/proc/thread-self/attr/apparmor/exec\": no such file or directory"),
            "\(result.errorText)")
        bundle.expectNothingLeft()
    }
}
