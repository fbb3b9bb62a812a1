// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import EngineConfiguration
import SwiftProtobuf
import Testing

@testable import CRIService

struct PodPlanTests {
    private func plan(
        _ defaults: PodPlan.Defaults = .init(), _ change: (inout CRI.PodConfig) -> Void = { _ in }
    ) throws(ServiceError) -> PodPlan {
        var config = CRI.PodConfig()
        config.metadata.name = "web"
        config.metadata.namespace = "space"
        config.metadata.uid = "u1"
        config.metadata.attempt = 2
        config.hostname = "box"
        change(&config)
        return try PodPlan(config, id: "p1", CgroupNaming(.cgroupfs, parent: "", hasSystemd: true), defaults)
    }

    @Test func namesThePod() throws {
        #expect(try plan().name == "web_space_u1_2")
        #expect(try plan { $0.metadata.attempt = 3 }.name == "web_space_u1_3")
    }

    struct Row: Sendable {
        var network = CRI.NamespaceMode.pod
        var ipc = CRI.NamespaceMode.pod
        var pid = CRI.NamespaceMode.pod
        var namespaces: [String]
    }

    @Test(arguments: [
        Row(namespaces: ["net", "uts", "ipc", "pid"]), Row(pid: .container, namespaces: ["net", "uts", "ipc"]),
        Row(pid: .node, namespaces: ["net", "uts", "ipc"]), Row(network: .node, namespaces: ["ipc", "pid"]),
        Row(ipc: .node, namespaces: ["net", "uts", "pid"]),
        Row(network: .node, ipc: .node, pid: .node, namespaces: []),
    ])
    func makesNamespaces(_ row: Row) throws {
        let plan = try plan {
            $0.linux.securityContext.namespaceOptions.network = row.network
            $0.linux.securityContext.namespaceOptions.ipc = row.ipc
            $0.linux.securityContext.namespaceOptions.pid = row.pid
        }
        #expect(plan.namespaces == row.namespaces)
        #expect(plan.usesHostNetwork == (row.network == .node) && plan.usesHostIPC == (row.ipc == .node))
    }

    /// As Kubernetes has it: a pod whose author says nothing has its own network, but shares no processes.
    @Test func withoutOptionsProcessesAreApart() throws {
        #expect(try plan().namespaces == ["net", "uts", "ipc"])
    }

    private static func mapping(_ inside: UInt32, _ outside: UInt32, _ length: UInt32) -> Runtime_V1_IDMapping {
        .with { ($0.containerID, $0.hostID, $0.length) = (inside, outside, length) }
    }

    private func plan(
        _ mode: CRI.NamespaceMode, _ uids: [Runtime_V1_IDMapping] = [mapping(0, 100_000, 65_536)],
        _ gids: [Runtime_V1_IDMapping] = [mapping(0, 200_000, 65_536)],
        _ change: (inout CRI.PodConfig) -> Void = { _ in }
    ) throws(ServiceError) -> PodPlan {
        try plan {
            $0.linux.securityContext.namespaceOptions.pid = .container
            $0.linux.securityContext.namespaceOptions.usernsOptions = .with {
                ($0.mode, $0.uids, $0.gids) = (mode, uids, gids)
            }
            change(&$0)
        }
    }

    @Test func aUserNamespaceHasOneRangeOfUsersAndOneOfGroups() throws {
        let made = try plan(.pod)
        #expect(made.namespaces == ["net", "uts", "ipc", "user"])
        #expect(made.users?.users.text == "0:100000:65536" && made.users?.groups.text == "0:200000:65536")
        #expect(try plan(.node, [], []).users == nil)
        #expect(
            try plan(.pod) { $0.linux.securityContext.namespaceOptions.network = .node }.namespaces == ["ipc", "user"])
    }

    @Test(arguments: [
        (CRI.NamespaceMode.pod, [], "exactly one mapping is supported, not 0"),
        (.pod, [mapping(0, 1000, 10), mapping(10, 2000, 10)], "exactly one mapping is supported, not 2"),
        (.pod, [mapping(1, 1000, 10)], "id 0 is not mapped"), (.pod, [mapping(0, 1000, 0)], "are no range"),
        (.pod, [mapping(0, 4_294_967_290, 10)], "are no range"), (.node, [mapping(0, 1000, 10)], "need no mappings"),
        (.container, [mapping(0, 1000, 10)], "mode container is not supported"),
        (.target, [mapping(0, 1000, 10)], "mode target is not supported"),
    ])
    func userNamespacesThatAreRefused(mode: CRI.NamespaceMode, mappings: [Runtime_V1_IDMapping], text: String) {
        let error = #expect(throws: ServiceError.self) { try plan(mode, mappings, mappings) }
        #expect(error?.code == .invalid && "\(error.map { "\($0)" } ?? "")".contains(text))
    }

    @Test func sysctlsOfTheMachineAreForPodsThatHaveNone() throws {
        var defaults = PodPlan.Defaults()
        defaults.sysctls = ["net.core.somaxconn": "10", "kernel.shmmax": "20", "vm.swappiness": "1"]
        let own = try plan(defaults) { $0.linux.sysctls = ["net/core/somaxconn": "5"] }
        #expect(own.sysctls == ["net/core/somaxconn": "5", "kernel.shmmax": "20"])
        #expect(own.refusedSysctls.isEmpty)
        let host = try plan(defaults) { $0.linux.securityContext.namespaceOptions.network = .node }
        #expect(host.sysctls == ["kernel.shmmax": "20"])
    }

    @Test(arguments: [
        ("64Mi", "67108864"), ("1G", "1000000000"), ("1g", "1073741824"), ("8192", "8192"), ("2Ki", "2048"),
    ])
    func theSizeOfSharedMemory(text: String, bytes: String) throws {
        var defaults = PodPlan.Defaults()
        #expect(try plan(defaults) { $0.annotations["shm-size.crio.io"] = text }.shmSize == "65536k")
        defaults.allowedAnnotations = ["shm-size.crio.io", "io.kubernetes.cri-o.ShmSize"]
        #expect(try plan(defaults) { $0.annotations["shm-size.crio.io"] = text }.shmSize == bytes)
        #expect(try plan(defaults) { $0.annotations["io.kubernetes.cri-o.ShmSize"] = text }.shmSize == bytes)
    }

    @Test(arguments: ["", "0", "-1", "1.5G", "1Q", "99999999999999Gi"])
    func sizesThatAreNone(text: String) {
        let defaults = PodPlan.Defaults(allowedAnnotations: ["shm-size.crio.io"])
        #expect(throws: ServiceError.self) { try plan(defaults) { $0.annotations["shm-size.crio.io"] = text } }
    }

    @Test func whatOnlyTheNodesRootMayShowIsRefused() {
        #expect(throws: ServiceError.self) { try plan(.pod) { $0.linux.securityContext.namespaceOptions.ipc = .node } }
        #expect(throws: ServiceError.self) { try plan(.pod) { $0.linux.securityContext.namespaceOptions.pid = .node } }
    }

    @Test func groupsThatMayPingAreThoseOfThePod() throws {
        let key = "net.ipv4.ping_group_range"
        let made = try plan(.pod) { $0.linux.sysctls[key] = "0 2147483647" }
        #expect(made.sysctls == [key: "0 65535"])
        #expect(try plan(.node, [], []) { $0.linux.sysctls[key] = "0 2147483647" }.sysctls == [key: "0 2147483647"])
    }

    static let refusals: [(@Sendable (inout CRI.PodConfig) -> Void, String)] = [
        ({ $0.clearMetadata() }, "run pod: its metadata has no name"),
        ({ $0.metadata.name = "" }, "run pod: its metadata has no name"),
        ({ $0.logDirectory = "logs" }, "run pod \"web\": log directory \"logs\" is not an absolute path"),
        ({ $0.hostname = "a b" }, "run pod \"web\": \"a b\" is not a host name"),
        ({ $0.hostname = "a/b" }, "run pod \"web\": \"a/b\" is not a host name"),
        ({ $0.hostname = "a\nb" }, "run pod \"web\": \"a\nb\" is not a host name"),
        ({ $0.linux.cgroupParent = "pods" }, "use cgroup parent \"pods\": it is not an absolute path"),
    ]

    @Test(arguments: refusals.indices) func refuses(row: Int) {
        let error = #expect(throws: ServiceError.self) { try plan(PodPlan.Defaults(), Self.refusals[row].0) }
        #expect(error?.code == .invalid && error?.description == Self.refusals[row].1)
    }

    @Test func aHostNameHasUpTo64Bytes() throws {
        #expect(try plan { $0.hostname = String(repeating: "a", count: 64) }.name != "")
        #expect(throws: ServiceError.self) { try plan { $0.hostname = String(repeating: "a", count: 65) } }
    }

    @Test func theClientsCgroupIsNotOurs() throws {
        let own = try plan()
        #expect(own.cgroup == PodCgroup(path: "/skiff/p1", isOwn: true))
        let given = try plan { $0.linux.cgroupParent = "/kubepods/pod7" }
        #expect(given.cgroup == PodCgroup(path: "/kubepods/pod7", isOwn: false))
    }

    static let ipc = [
        "kernel.shm_rmid_forced", "kernel.shmmax", "kernel.sem", "kernel.msgmax", "fs.mqueue.msg_max",
        "kernel/shm_rmid_forced", "fs/mqueue/msg_max",
    ]
    static let network = [
        "net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.ping_group_range",
        // sysctl(8): the first separator says which one it is; the other then stands for itself.
        "net/ipv4/conf/eth0.1/forwarding", "net.ipv4.conf.eth0/1.forwarding",
    ]

    @Test(arguments: [(true, true), (true, false), (false, true), (false, false)])
    func setsOnlyWhatThePodOwns(ownsIPC: Bool, ownsNetwork: Bool) {
        let all = Dictionary(uniqueKeysWithValues: (Self.ipc + Self.network).map { ($0, "1") })
        let (own, refused) = PodPlan.split(all, ownsIPC: ownsIPC, ownsNetwork: ownsNetwork)
        let expected = (ownsIPC ? Self.ipc : []) + (ownsNetwork ? Self.network : [])
        #expect(own == all.filter { expected.contains($0.key) })
        #expect(refused == all.keys.filter { !expected.contains($0) }.sorted())
    }

    @Test(arguments: [
        "vm.swappiness", "kernel.panic", "kernel.semantics", "kernel.shmmax.x", "fs.file-max", "fs.mqueue", "net",
        "network.x", "net.", "net..x", "net/../kernel/panic", "net.ipv4/../x", "/net/ipv4/ip_forward", "",
        "net/./x", "net//x",
    ])
    func neverSetsTheHosts(name: String) {
        let (own, refused) = PodPlan.split([name: "1"], ownsIPC: true, ownsNetwork: true)
        #expect(own == [:] && refused == [name])
    }

    @Test func whatIsRefusedIsNoError() throws {
        let plan = try plan {
            $0.linux.sysctls = ["net.core.somaxconn": "5", "kernel.sem": "1", "vm.swappiness": "0"]
            $0.linux.securityContext.namespaceOptions.network = .node
        }
        #expect(plan.sysctls == ["kernel.sem": "1"])
        #expect(plan.refusedSysctls == ["net.core.somaxconn", "vm.swappiness"])
    }
}
