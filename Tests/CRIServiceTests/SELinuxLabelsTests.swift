// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import EngineConfiguration
import Linux
import SwiftProtobuf
import TestSupport
import Testing

@testable import CRIService

struct SELinuxLabelsTests {
    private static let contexts = """
        # Comment
        process = "system_u:system_r:container_t:s0"
        file="system_u:object_r:container_file_t:s0"
        init_process = "system_u:system_r:container_init_t:s0"
        ro_file = "system_u:object_r:container_ro_file_t:s0"
        """

    private func labels(_ change: (inout SELinuxLabels.Sources) -> Void) throws -> [String]? {
        var sources = SELinuxLabels.Sources()
        sources.policy = SELinuxPolicy(parsing: Self.contexts)
        sources.level = "s0:c1,c2"
        change(&sources)
        return SELinuxLabels(sources).map { [$0.process.text, $0.file.text] }
    }

    private let own = ["system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"]

    @Test func thePodsLevelIsTheContainers() throws {
        #expect(try labels { _ in } == own)
        #expect(try labels { $0.level = "" } == nil)
        #expect(try labels { $0.isPrivileged = true } == nil)
        #expect(try labels { $0.runsSystemd = true }?.first == "system_u:system_r:container_init_t:s0:c1,c2")
    }

    @Test func whatIsStatedHolds() throws {
        let other = CRI.SELinuxOption.with { $0.type = "other_t" }
        let label = "system_u:system_r:other_t:s0:c1,c2"
        #expect(try labels { $0.container = other }?.first == label)
        #expect(try labels { $0.pod = other }?.first == label)
        #expect(try labels { ($0.container, $0.isPrivileged) = (other, true) }?.first == label)
        #expect(try labels { ($0.container, $0.runsSystemd) = (other, true) }?.first == label)
        #expect(try labels { ($0.container, $0.level) = (other, "") }?.first == "system_u:system_r:other_t:s0")
        // The container's goes before the pod's, as a whole.
        let levels = try labels {
            ($0.container, $0.pod) = (other, .with { ($0.user, $0.level) = ("user_u", "s0:c5") })
        }
        #expect(levels?.first == label)
        #expect(
            try labels { $0.container.level = "s0:c5" } == [
                "system_u:system_r:container_t:s0:c5", "system_u:object_r:container_file_t:s0:c5",
            ])
    }

    @Test func withoutAPolicyForContainers() throws {
        #expect(
            try labels { ($0.policy, $0.level, $0.container.type) = (nil, "", "other_t") } == [
                "system_u:system_r:other_t:s0", "system_u:object_r:container_file_t:s0",
            ])
        #expect(try labels { ($0.policy, $0.level) = (nil, "") } == nil)
    }

    struct Row: Sendable {
        var network = CRI.NamespaceMode.pod
        var ipc = CRI.NamespaceMode.pod
        var pid = CRI.NamespaceMode.container
        var isolates: Bool
        var setting = true
    }

    @Test(arguments: [
        Row(isolates: true), Row(network: .node, isolates: false), Row(network: .node, isolates: true, setting: false),
        Row(ipc: .node, isolates: false, setting: false), Row(pid: .node, isolates: false, setting: false),
        Row(pid: .pod, isolates: true),
    ])
    func whatIsSharedWithTheNode(_ row: Row) {
        var (pod, runtime) = (CRI.PodConfig(), DaemonConfig().runtime)
        pod.linux.securityContext.namespaceOptions = .with {
            ($0.network, $0.ipc, $0.pid) = (row.network, row.ipc, row.pid)
        }
        runtime.hostNetworkDisablesSELinux = row.setting
        #expect(SELinuxLabels.isolates(pod, runtime) == row.isolates)
    }

    @Test func levelsAreTwoCategories() throws {
        let policy = try #require(SELinuxPolicy(parsing: Self.contexts))
        var taken: Set<String> = []
        for _ in 0..<2000 {
            let level = try policy.newLevel(beside: taken)
            let numbers = level.dropFirst("s0:c".count).split(separator: ",c", maxSplits: 1).compactMap { Int($0) }
            #expect(level.hasPrefix("s0:c") && numbers.count == 2)
            #expect(numbers == numbers.sorted() && numbers[0] != numbers[1] && numbers.allSatisfy { 0..<1024 ~= $0 })
            #expect(taken.insert(level).inserted)
        }
    }

    @Test(.timeLimit(.minutes(1))) func aLevelIsFoundWhileThereIsOne() throws {
        let policy = try #require(SELinuxPolicy(parsing: Self.contexts))
        var taken: Set<String> = []
        for _ in 0..<(50 * 49 / 2) {
            #expect(taken.insert(try policy.newLevel(beside: taken, categories: 50)).inserted)
        }
        let error = #expect(throws: ServiceError.self) { try policy.newLevel(beside: taken, categories: 50) }
        #expect(error?.code == .state)
        taken.remove("s0:c7,c49")
        #expect(try policy.newLevel(beside: taken, categories: 50) == "s0:c7,c49")
    }

    @Test func thePolicysFile() throws {
        let folder = try TemporaryDirectory()
        #expect(SELinuxPolicy.find(folder.path) == nil)
        try AtomicFile.write("\(folder.path)/config", "SELINUX=enforcing\n# SELINUXTYPE=old\nSELINUXTYPE=new \n")
        #expect(SELinuxPolicy.find(folder.path) == nil)
        try Syscall.makeDirectories("\(folder.path)/new/contexts")
        try AtomicFile.write("\(folder.path)/new/contexts/lxc_contexts", Self.contexts)
        #expect(SELinuxPolicy.find(folder.path) == SELinuxPolicy(parsing: Self.contexts))
        for text in ["", "process = \"a:b\"\nfile = \"a:b:c:d\"", "file = \"a:b:c:d\""] {
            #expect(SELinuxPolicy(parsing: text) == nil)
        }
    }

    /// A level has colons in it.
    @Test func contexts() {
        #expect(SELinuxContext(parsing: "u:r:t:s0-s0:c0.c1023")?.level == "s0-s0:c0.c1023")
        #expect(SELinuxContext(parsing: "u:r:t")?.text == "u:r:t")
        #expect(SELinuxContext(parsing: "u:r") == nil && SELinuxContext(parsing: "u::t:s0") == nil)
    }

    @Test(arguments: ["s0\",size=9g,\"", "s0 x", "a/b", "\u{E9}", "s0\n", "\0"])
    func whatIsNoLabel(part: String) {
        for place in [\CRI.SELinuxOption.user, \.role, \.type, \.level] as [WritableKeyPath<CRI.SELinuxOption, String>]
        {
            var options = CRI.SELinuxOption()
            options[keyPath: place] = part
            #expect(throws: ServiceError.self) { try SELinuxContext.check(options) }
        }
    }

    @Test func labelsOfAllKinds() throws {
        try SELinuxContext.check(CRI.SELinuxOption())
        try SELinuxContext.check(.with { ($0.user, $0.type, $0.level) = ("user_u", "My-type_t", "s0-s15:c0.c1023,c5") })
    }
}
