// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// Every test has a network namespace of its own for a host.
@Suite("skiffrun: network devices", .requiresRoot)
struct SkiffrunNetworkDeviceTests {
    /// Makes a pair of interfaces, runs the runtime, and tells what is left of them.
    private func run(_ bundle: SkiffrunBundle, _ commands: String, after: String = "true") throws -> CommandOutput {
        let script = """
            set -e
            ip link add test0 mtu 1400 address 02:00:00:00:00:07 type veth peer name test1
            ip address add 10.77.0.2/24 dev test0
            ip address add 169.254.9.9/16 scope link dev test0
            ip address add 2001:db8::7/64 nodad dev test0
            ip link set test0 up
            skiffrun() { \(Program.skiffrun) --root \(bundle.root) "$@"; }
            \(commands)
            \(after)
            """
        let plan = ChildPlan(
            "/usr/bin/unshare", ["unshare", "--net", "sh", "-c", script],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], workingDirectory: bundle.path)
        return try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
    }

    @Test func devicesMoveWithWhatTheyAre() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "busybox ip address show dev eth7; busybox ip -o link") {
            $0["linux.netDevices"] = ["test0": ["name": "eth7"]]
        }
        let result = try run(bundle, "skiffrun run c")
        #expect(result.status.isSuccess, "\(result.errorText)")
        let text = result.outputText
        for part in ["mtu 1400", "02:00:00:00:00:07", "UP", "inet 10.77.0.2/24", "inet6 2001:db8::7/64"] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        #expect(!text.contains("169.254.9.9"), "an address of the link stays there")
        #expect(!text.contains("test0"))
        bundle.expectNothingLeft()
    }

    @Test func nameStaysWithoutAnother() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(
            script: "busybox ip -o link | wc -l; busybox ip link show test0; busybox ip link show test1"
        ) {
            $0["linux.netDevices"] = ["test0": [:] as [String: String], "test1": ["name": ""]]
        }
        let result = try run(bundle, "skiffrun run c; ip -o link | grep -c test || true")
        #expect(result.status.isSuccess, "\(result.errorText)")
        #expect(result.outputText.linesList.first == "3" && result.outputText.linesList.last == "0")
    }

    @Test func hooksOfTheRuntimeFindThemMoved() throws {
        let bundle = try SkiffrunBundle()
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        let log = "\(bundle.scratch)/log"
        try bundle.configure(["true"]) {
            $0["linux.netDevices"] = ["test0": ["name": "eth7"]]
            $0["hooks.createRuntime"] = [
                [
                    "path": busybox,
                    "args": ["sh", "-c", "\(busybox) ip -o link | \(busybox) grep -c test0 >\(log); true"],
                ]
            ]
        }
        #expect(try run(bundle, "skiffrun run c").status.isSuccess)
        #expect(try Syscall.readText(log) == "0\n")
    }

    /// A container that does not come to be gives back what it took.
    @Test func devicesComeBackAfterAFailure() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["/no/such/program"]) { $0["linux.netDevices"] = ["test0": ["name": "eth7"]] }
        let result = try run(bundle, "skiffrun run c || true", after: "ip address show dev test0")
        #expect(result.errorText.contains("no such file or directory"))
        for part in ["mtu 1400", "02:00:00:00:00:07", ",UP", "inet 10.77.0.2/24", "inet6 2001:db8::7/64"] {
            #expect(result.outputText.contains(part), "\(part) in \(result.outputText)")
        }
        bundle.expectNothingLeft()
    }

    @Test func oneThatCannotMoveTakesTheOthersBack() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) {
            $0["linux.netDevices"] = ["test0": ["name": "eth7"], "test1": ["name": "lo"]]
        }
        let result = try run(bundle, "skiffrun run c || true", after: "ip -o link; ip address show dev test0")
        #expect(result.errorText.contains("move network device \"test1\" to \"lo\": file exists"))
        #expect(result.outputText.contains("inet 10.77.0.2/24") && result.outputText.contains("test1"))
        bundle.expectNothingLeft()
    }

    @Test func deviceThatIsNotThere() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) { $0["linux.netDevices"] = ["nothing0": [:] as [String: String]] }
        let result = try run(bundle, "skiffrun run c")
        #expect(result.errorText.contains("find network device \"nothing0\": no such device"))
        bundle.expectNothingLeft()
    }

    /// The host's own namespace, by its path: there is nowhere to move to.
    @Test func joinedNamespaceOfTheHost() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(["true"]) {
            $0.setNamespace("network", path: "/proc/self/ns/net")
            $0["linux.netDevices"] = ["test0": ["name": "eth7"]]
        }
        let result = try run(bundle, "skiffrun run c || true", after: "ip address show dev test0")
        #expect(result.errorText.contains("unable to move network devices into the host network namespace"))
        #expect(result.outputText.contains("inet 10.77.0.2/24"))
    }

    @Test func namespaceOfAUserNamespace() throws {
        let bundle = try SkiffrunBundle()
        try bundle.configure(script: "busybox ip address show dev eth7") {
            $0["linux.netDevices"] = ["test0": ["name": "eth7"]]
            $0.setNamespace("user", path: nil)
            $0["linux.uidMappings"] = [["containerID": 0, "hostID": 0, "size": 65536]]
            $0["linux.gidMappings"] = [["containerID": 0, "hostID": 0, "size": 65536]]
        }
        let result = try run(bundle, "skiffrun run c")
        #expect(result.outputText.contains("inet 10.77.0.2/24"), "\(result.errorText)")
    }
}
