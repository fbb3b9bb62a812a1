// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CNI
import Linux
import TestSupport
import Testing

@Suite struct CNIRuntimeTests {
    @Test func addChainsResultsAndDelGoesBack() async throws {
        let lab = try PluginLab(["one": "result 1", "two": "result 2"])
        let list = try lab.list(["one", "two"], more: #","capabilities":{"portMappings":true}"#)
        let result = try await lab.runtime.add(list, lab.attachment)
        #expect(result.containerIPs == ["10.0.0.2"])
        #expect(try lab.calls() == ["ADD one", "ADD two"])
        #expect(try lab.input("one", "ADD")["prevResult"] == nil)
        let second = try lab.input("two", "ADD")
        #expect(second["prevResult"]?["ips"]?.array?[0]["address"] == "10.0.0.1/24")
        #expect(second["name"] == "net")
        #expect(second["cniVersion"] == "1.0.0")
        // Only what the plugin asked for.
        #expect(second["runtimeConfig"] == ["portMappings": .array([["hostPort": .integer(80)]])])
        #expect(try lab.records() == ["pod-1:eth0.json"])
        #expect(try lab.runtime.result(of: lab.attachment) == result)
        #expect(try lab.runtime.attachments() == [lab.attachment])

        try await lab.runtime.delete(lab.attachment)
        #expect(try lab.calls() == ["DEL two", "DEL one"])
        #expect(try lab.input("one", "DEL")["prevResult"]?["ips"]?.array?[0]["address"] == "10.0.0.2/24")
        #expect(try lab.records() == [])
        // Again, with nothing to do.
        try await lab.runtime.delete(lab.attachment)
        #expect(try lab.calls() == [])
    }

    @Test func pluginsAreToldWhatTheSpecificationSays() async throws {
        let lab = try PluginLab(["one": "env | grep -v ^_ | sort >\"${0%/bin/*}/environment\"; result 1"])
        _ = try await lab.runtime.add(try lab.list(["one"]), lab.attachment)
        let bin = lab.folder.path
        let lines = try Syscall.readText(bin + "/environment").split(separator: "\n").map(String.init)
        #expect(
            lines.filter { !$0.hasPrefix("PWD=") && !$0.hasPrefix("SHLVL=") } == [
                "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=a", "CNI_COMMAND=ADD", "CNI_CONTAINERID=pod-1",
                "CNI_IFNAME=eth0",
                "CNI_NETNS=", "CNI_PATH=\(bin)/nothing:\(bin)/bin",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ])
    }

    @Test func aFailedAddIsUndone() async throws {
        let lab = try PluginLab([
            "one": "[ $CNI_COMMAND = ADD ] && result 1", "two": "[ $CNI_COMMAND = DEL ] || fail 11 'no luck' 'at all'",
        ])
        let list = try lab.list(["one", "two"])
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.add(list, lab.attachment) }
        #expect(error?.code == .pluginFailed(11))
        // The first says no at DEL too: its exit status is the cause.
        #expect(
            error?.description == "CNI ADD \"net\": plugin \"two\": no luck; at all (and undoing it failed: "
                + "CNI DEL \"net\": plugin \"one\": exited with status 1)")
        #expect(try lab.calls() == ["ADD one", "ADD two", "DEL two", "DEL one"])
        #expect(try lab.input("two", "DEL")["prevResult"]?["ips"]?.array?[0]["address"] == "10.0.0.1/24")
        // It stays on record until DEL is acknowledged.
        #expect(try lab.records() == ["pod-1:eth0.json"])
        #expect(try lab.runtime.result(of: lab.attachment) == nil)
    }

    @Test func nothingIsLeftWhenUndoingWorked() async throws {
        let lab = try PluginLab(["one": "[ $CNI_COMMAND = DEL ] || { echo 'went wrong' >&2; exit 3; }"])
        let list = try lab.list(["one"])
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.add(list, lab.attachment) }
        #expect(error?.description == "CNI ADD \"net\": plugin \"one\": exited with status 3: went wrong")
        #expect(error?.errorOutput == "went wrong")
        #expect(try lab.calls() == ["ADD one", "DEL one"])
        #expect(try lab.records() == [])
    }

    @Test func aFailedDelIsRepeatable() async throws {
        let lab = try PluginLab([
            "one": "result 1", "two": "[ $CNI_COMMAND = ADD ] && result 2 || [ -e ${0%/bin/*}/free ] || fail 100 busy",
        ])
        _ = try await lab.runtime.add(try lab.list(["one", "two"]), lab.attachment)
        _ = try lab.calls()
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.delete(lab.attachment) }
        #expect(error?.description == "CNI DEL \"net\": plugin \"two\": busy")
        // The others are called all the same.
        #expect(try lab.calls() == ["DEL two", "DEL one"])
        #expect(try lab.records() == ["pod-1:eth0.json"])
        try AtomicFile.write(lab.folder.path + "/free", "")
        try await lab.runtime.delete(lab.attachment)
        #expect(try lab.calls() == ["DEL two", "DEL one"])
        #expect(try lab.records() == [])
    }

    @Test func delAfterARestartNeedsNoConfiguration() async throws {
        let lab = try PluginLab(["one": "result 1"])
        _ = try await lab.runtime.add(try lab.list(["one"], more: #","bridge":"b7""#), lab.attachment)
        let restarted = CNIRuntime(binDirs: lab.runtime.binDirs, cacheDir: lab.folder.path + "/cache/cni")
        try await restarted.delete(NetworkAttachment(containerID: "pod-1", namespace: "/run/netns/gone"))
        let input = try lab.input("one", "DEL")
        #expect(input["bridge"] == "b7")
        #expect(input["prevResult"]?["ips"] != nil)
        let calls = try Syscall.readText(lab.folder.path + "/calls")
        // A namespace that is gone is not named, and the arguments are those of ADD.
        #expect(calls.contains("DEL one id=pod-1 if=eth0 ns= args=IgnoreUnknown=1;K8S_POD_NAME=a\n"))
        #expect(try lab.records() == [])
    }

    @Test func halfARecordIsRemovedByTheNextRuntime() async throws {
        let lab = try PluginLab(["one": "result 1"])
        _ = try await lab.runtime.add(try lab.list(["one"]), lab.attachment)
        let cache = lab.folder.path + "/cache/cni"
        for name in [".pod-2:eth0.json.26162.70501411944762", ".pod-2:eth0.json"] {
            try AtomicFile.write("\(cache)/\(name)", "{")
        }
        try CNIRuntime(binDirs: lab.runtime.binDirs, cacheDir: cache).cleanRecords()
        #expect(try Syscall.entries(cache).sorted() == [".pod-2:eth0.json", "pod-1:eth0.json", "pod-1:eth0.lock"])
    }

    @Test func anInterruptedAddIsUndoneByTheNextOne() async throws {
        let lab = try PluginLab(["one": "[ -e ${0%/bin/*}/free ] && result 1 || fail 1 no"])
        let list = try lab.list(["one"])
        await #expect(throws: CNIError.self) { try await lab.runtime.add(list, lab.attachment) }
        #expect(try lab.records() == ["pod-1:eth0.json"])
        _ = try lab.calls()
        try AtomicFile.write(lab.folder.path + "/free", "")
        _ = try await lab.runtime.add(list, lab.attachment)
        #expect(try lab.calls() == ["DEL one", "ADD one"])
        let twice = await #expect(throws: CNIError.self) { try await lab.runtime.add(list, lab.attachment) }
        #expect(twice?.cause == "container \"pod-1\" already has an interface \"eth0\"")
        #expect(try lab.calls() == [])
    }

    @Test func aSlowPluginIsKilledWithItsChildren() async throws {
        let lab = try PluginLab(
            ["one": "[ $CNI_COMMAND = DEL ] || { sleep 1000 & echo $! >${0%/bin/*}/pid; wait; }"],
            timeout: .milliseconds(500))
        let list = try lab.list(["one"])
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.add(list, lab.attachment) }
        #expect(error?.code == .timedOut)
        #expect(error?.undo == nil)
        let pid = try #require(try Int32(Syscall.readText(lab.folder.path + "/pid").filter(\.isNumber)))
        try eventually("the plugin's child is gone") { !Syscall.exists("/proc/\(pid)/ns/net") }
        #expect(try lab.records() == [])
    }

    @Test func pluginsThatOutliveTheirDaemonEndBeforeOthersBegin() async throws {
        let lab = try PluginLab(["one": "result 1"])
        let list = try lab.list(["one"])
        _ = try await lab.runtime.add(list, lab.attachment)
        _ = try lab.calls()
        let lock = lab.folder.path + "/cache/cni/pod-1:eth0.lock"
        let begun = lab.folder.path + "/begun"
        let script = ": >\(begun); sleep 1; echo ADD late >>\(lab.folder.path)/calls"
        let other = try ChildProcess(
            ChildPlan("/usr/bin/flock", ["flock", lock, "/bin/sh", "-c", script], descriptors: [2, 2, 2]))
        try eventually("it has the lock") { Syscall.exists(begun) }
        try await lab.runtime.delete(lab.attachment)
        #expect(try other.wait().isSuccess)
        #expect(try lab.calls() == ["ADD late", "DEL one"])
        #expect(try Syscall.entries(lab.folder.path + "/cache/cni").isEmpty)
    }

    @Test func whatAPluginLeavesInTheBackgroundHoldsNobody() async throws {
        let lab = try PluginLab(["one": "sleep 1000 >/dev/null 2>&1 & echo $! >\"$0.pid\"; result 1"])
        _ = try await lab.runtime.add(try lab.list(["one"]), lab.attachment)
        let pid = try #require(Int32(try Syscall.readText(lab.folder.path + "/bin/one.pid").dropLast()))
        try await lab.runtime.delete(lab.attachment)
        // One more of DEL, which has written over the number.
        let second = try #require(Int32(try Syscall.readText(lab.folder.path + "/bin/one.pid").dropLast()))
        for sleeper in [pid, second] { try Syscall.kill(sleeper, .kill) }
    }

    @Test func aMissingPluginIsNamedBeforeAnythingHappens() async throws {
        let lab = try PluginLab(["one": "result 1"])
        let list = try lab.list(["one", "absent"])
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.add(list, lab.attachment) }
        #expect(error?.code == .pluginMissing)
        let bin = lab.folder.path
        #expect(
            error?.description
                == "use network \"net\": plugin \"absent\" is not in \"\(bin)/nothing\", \"\(bin)/bin\"")
        #expect(throws: CNIError.self) { try lab.runtime.checkPlugins(of: list) }
        #expect(try lab.calls() == [])
        #expect(try lab.records() == [])
    }

    @Test(arguments: [
        ("true", "invalid result: not JSON"), ("echo '[1]'", "invalid result: not a JSON object"),
        (#"echo '{"cniVersion":"0.1.0"}'"#, "is not supported"), ("kill -9 $$", "killed by"),
    ])
    func answersThatAreNoneAreErrors(_ script: String, _ cause: String) async throws {
        let lab = try PluginLab(["one": "[ $CNI_COMMAND = DEL ] || \(script)"])
        let list = try lab.list(["one"])
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.add(list, lab.attachment) }
        #expect(error?.cause.contains(cause) == true, "\(error?.description ?? "")")
        #expect(try lab.records() == [])
    }

    @Test func checkAsksEveryPluginInOrder() async throws {
        let lab = try PluginLab([
            "one": "result 1", "two": "[ $CNI_COMMAND = CHECK ] && fail 12 'route is gone'; result 2",
        ])
        let none = await #expect(throws: CNIError.self) { try await lab.runtime.check(lab.attachment) }
        #expect(none?.description == "CNI CHECK \"pod-1\": not attached")
        _ = try await lab.runtime.add(try lab.list(["one", "two"]), lab.attachment)
        _ = try lab.calls()
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.check(lab.attachment) }
        #expect(error?.description == "CNI CHECK \"net\": plugin \"two\": route is gone")
        #expect(try lab.calls() == ["CHECK one", "CHECK two"])
    }

    @Test func beforeVersion04ThereIsNoCheckAndNoResultAtDel() async throws {
        let lab = try PluginLab(["one": #"echo '{"cniVersion":"0.3.1"}'"#])
        _ = try await lab.runtime.add(try lab.list(["one"], version: "0.3.1"), lab.attachment)
        try await lab.runtime.check(lab.attachment)
        try await lab.runtime.delete(lab.attachment)
        #expect(try lab.calls() == ["ADD one", "DEL one"])
        #expect(try lab.input("one", "DEL")["prevResult"] == nil)
    }

    @Test func aDamagedRecordDoesNotKeepTheNetwork() async throws {
        let lab = try PluginLab(["one": "result 1"])
        let list = try lab.list(["one"])
        _ = try await lab.runtime.add(list, lab.attachment)
        try AtomicFile.write(lab.folder.path + "/cache/cni/pod-1:eth0.json", "{")
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.delete(lab.attachment) }
        #expect(error?.code == .cache)
        try await lab.runtime.delete(lab.attachment, from: list)
        #expect(try lab.records() == [])
    }

    @Test(arguments: [
        NetworkAttachment(containerID: "", namespace: "/n"), NetworkAttachment(containerID: "a/b", namespace: "/n"),
        NetworkAttachment(containerID: "a", namespace: "/n", interface: "sixteencharacter"),
        NetworkAttachment(containerID: "a", namespace: "/n", interface: "a:b"),
        NetworkAttachment(containerID: "a", namespace: "/n", arguments: [("A", "b;C=d")]),
    ])
    func whatCannotBePassedIsRefused(_ attachment: NetworkAttachment) async throws {
        let lab = try PluginLab(["one": "result 1"])
        let list = try lab.list(["one"])
        let error = await #expect(throws: CNIError.self) { try await lab.runtime.add(list, attachment) }
        #expect(error?.code == .invalidArgument)
        #expect(try lab.calls() == [])
    }
}
