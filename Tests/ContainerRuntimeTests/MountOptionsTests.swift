// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import Testing

@testable import ContainerRuntime

@Suite("Mount options, sysctls, messages")
struct MountOptionsTests {
    @Test func flagsAndData() throws {
        let options = try MountOptions(["nosuid", "ro", "rw", "size=1m", "mode=755", "noexec"])
        #expect(options.flags == [.noSUID, .noExec])
        #expect(options.set == [.noSUID, .noExec])
        #expect(options.clear == .readOnly)
        #expect(options.data == ["size=1m", "mode=755"])
    }

    /// The last of contradicting options wins, and one access time mode replaces another.
    @Test func accessTimes() throws {
        let options = try MountOptions(["noatime", "strictatime"])
        #expect(options.set == .strictAccessTime)
        #expect(options.clear.isSuperset(of: .accessTimeMask))
        #expect(try MountOptions(["noatime", "relatime"]).set.isEmpty)
        #expect(try MountOptions(["ro", "rw"]).set.isEmpty)
        #expect(try MountOptions(["rw", "ro"]).clear.isEmpty)
    }

    @Test func recursiveOptions() throws {
        let options = try MountOptions(["rbind", "rro", "rnosuid", "rsuid"])
        #expect(options.bind == .recursive)
        #expect(options.recursiveSet == .readOnly)
        #expect(options.recursiveClear == .noSUID)
        #expect(options.set.isEmpty)
    }

    @Test func propagationKeepsItsOrder() throws {
        let options = try MountOptions(["rslave", "shared"])
        #expect(options.propagation == [[.slave, .recursive], .shared])
    }

    @Test(arguments: [
        ("bind", "", MountPlan.Content.bind(source: "/bundle/src", recursive: false)),
        ("none", "rbind", .bind(source: "/bundle/src", recursive: true)),
        ("cgroup", "", .cgroup), ("cgroup2", "", .cgroup), ("tmpfs", "", .tmpfs(source: "src")),
        ("proc", "", .fileSystem(type: "proc", source: "src")),
    ])
    func kinds(_ type: String, _ option: String, _ content: MountPlan.Content) throws {
        let mount = Mount(destination: "a/../b", type: type, source: "src", options: option.isEmpty ? [] : [option])
        let plan = try MountPlan(mount, bundle: "/bundle")
        #expect(plan.content == content)
        #expect(plan.destination == "/b")
    }

    /// crun's text of a mapping: file system, shown, number; with `@` the second counts in the container.
    @Test(
        arguments: [
            ("uids=0-1-10;gids=5-6-7", [0, 1, 10], [5, 6, 7]),
            ("uids=@3-2-1;gids=@0-0-1", [3, 1002, 1], [0, 2000, 1]),
            ("gids=0-0-1;uids=@0-9-1", [0, 1009, 1], [0, 0, 1]),
        ] as [(String, [UInt32], [UInt32])])
    func mappingsInOptions(_ text: String, _ users: [UInt32], _ groups: [UInt32]) throws {
        func mapping(_ numbers: [UInt32]) -> [LinuxIDMapping] {
            [LinuxIDMapping(containerID: numbers[0], hostID: numbers[1], size: numbers[2])]
        }
        let mount = Mount(destination: "/a", type: "bind", source: "/b", options: ["ridmap=\(text)"])
        var plan = try #require(try MountPlan(mount, bundle: "/bundle").idMap)
        try plan.resolve(for: "/a", (mapping([0, 1000, 10]), mapping([0, 2000, 10])))
        #expect(plan.isRecursive)
        #expect(plan.mapping == .own(users: mapping(users), groups: mapping(groups)))
    }

    @Test(arguments: [
        "", "uids=0-1-1", "uids=0-1;gids=0-1-1", "uids=a-1-1;gids=0-1-1", "uids=@99-99-1;gids=0-0-1", "x=0-0-1",
        "uids=0-0-0;gids=0-0-1", "uids=0-1-4294967296;gids=0-0-1",
    ])
    func malformedMappingsInOptions(_ text: String) throws {
        let mount = Mount(destination: "/a", type: "bind", source: "/b", options: ["idmap=\(text)"])
        var plan = try #require(try MountPlan(mount, bundle: "/bundle").idMap)
        let owners = [LinuxIDMapping(containerID: 0, hostID: 1000, size: 10)]
        #expect(throws: PlanError.self) { try plan.resolve(for: "/a", (owners, owners)) }
    }

    @Test func featuresNameEveryOption() {
        #expect(MountOptions.names.contains("rro"))
        #expect(RuntimeFeatures.all.mountOptions == MountOptions.names)
    }

    @Test(arguments: [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward", LinuxNamespaceType.network),
        ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding", .network),
        ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding", .network),
        ("kernel.shmmax", "kernel/shmmax", .ipc), ("fs.mqueue.msg_max", "fs/mqueue/msg_max", .ipc),
    ])
    func sysctls(_ name: String, _ path: String, _ namespace: LinuxNamespaceType) throws {
        let plans = try NamespacePlans([LinuxNamespace(type: .network), LinuxNamespace(type: .ipc)])
        let plan = try SysctlPlan(name, "1", plans)
        #expect(plan.path == path)
        #expect(plan.namespace == namespace)
    }

    @Test(arguments: ["kernel.panic", "vm.swappiness", "net..x", "net/../kernel/panic", "net", "kernel.hostname"])
    func sysctlsOfTheHost(_ name: String) throws {
        let plans = try NamespacePlans([LinuxNamespace(type: .network), LinuxNamespace(type: .ipc)])
        #expect(throws: PlanError.self) { try SysctlPlan(name, "1", plans) }
    }

    @Test(arguments: [
        InitMessage.spawned(70000), .isolated, .rootfsIsReady, .terminal("/dev/pts/3"), .ready,
        .failed(InitFailure(SystemError("mount proc to", "/proc", .EPERM))),
        .failed(InitFailure(RuntimeError("exec: \"x\": executable file not found in $PATH"))),
    ])
    func messagesSurviveTheWire(_ message: InitMessage) { #expect(InitMessage(message.bytes) == message) }

    @Test func failureInBytes() {
        let failure = InitMessage.failed(InitFailure(SystemError("open", "/a", .ENOENT)))
        // Type, error number, length of the operation, operation, subject.
        #expect(failure.bytes == [6] + [2, 0, 0, 0] + [4, 0, 0, 0] + Array("open/a".utf8))
        #expect("\(InitFailure(SystemError("open", "/a", .ENOENT)))" == "open \"/a\": no such file or directory")
    }

    @Test(arguments: [[], [9], [1, 0], [6, 0, 0, 0, 0, 9, 0, 0, 0]] as [[UInt8]])
    func malformedMessages(_ bytes: [UInt8]) { #expect(InitMessage(bytes) == nil) }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000000000Z"), (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
            (1_798_761_599_999_999_999, "2026-12-31T23:59:59.999999999Z"),
        ] as [(Int64, String)])
    func times(_ nanoseconds: Int64, _ text: String) { #expect(TimeText.text(nanoseconds: nanoseconds) == text) }
}
