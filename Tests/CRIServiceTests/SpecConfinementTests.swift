// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import OCIRuntimeSpec
import Testing

@testable import CRIService

struct SpecNamespaceTests {
    private func namespaces(_ change: (inout SpecRequest) -> Void = { _ in }) throws -> [LinuxNamespaceType: String?] {
        let list = try #require(try SpecRequest(change).build().linux?.namespaces)
        return Dictionary(uniqueKeysWithValues: list.map { ($0.type, $0.path) })
    }

    @Test func joinsThePods() throws {
        #expect(
            try namespaces() == [
                .mount: nil, .network: "/ns/net", .uts: "/ns/uts", .ipc: "/ns/ipc", .pid: nil as String?,
            ])
    }

    @Test func whatThePodLacksIsTheHosts() throws {
        #expect(
            try namespaces {
                $0.surroundings.namespaces = [:]
                $0.security.namespaceOptions.pid = .node
            } == [.mount: nil as String?])
    }

    struct PIDs: Sendable {
        var pod: CRI.NamespaceMode
        var container: CRI.NamespaceMode
        /// nil: the host's; "": a new one.
        var path: String?
    }

    @Test(arguments: [
        PIDs(pod: .pod, container: .pod, path: "/ns/pid"), PIDs(pod: .pod, container: .container, path: ""),
        PIDs(pod: .pod, container: .node, path: nil), PIDs(pod: .container, container: .container, path: ""),
        PIDs(pod: .container, container: .pod, path: ""), PIDs(pod: .node, container: .node, path: nil),
        PIDs(pod: .node, container: .pod, path: nil), PIDs(pod: .node, container: .container, path: ""),
        PIDs(pod: .container, container: .target, path: "/proc/7/ns/pid"),
        PIDs(pod: .pod, container: .target, path: "/proc/7/ns/pid"),
    ])
    func choosesProcesses(_ row: PIDs) throws {
        let found = try namespaces {
            $0.pod.linux.securityContext.namespaceOptions.pid = row.pod
            $0.security.namespaceOptions.pid = row.container
            if row.pod == .pod { $0.surroundings.namespaces[.pid] = "/ns/pid" }
            if row.container == .target { $0.surroundings.targetPIDNamespace = "/proc/7/ns/pid" }
        }
        #expect(found.keys.contains(.pid) == (row.path != nil))
        #expect((found[.pid] ?? nil) == (row.path == "" ? nil : row.path))
    }

    @Test func theTargetMustRun() {
        let request = SpecRequest {
            $0.security.namespaceOptions.pid = .target
            $0.security.namespaceOptions.targetID = "other"
        }
        #expect(
            throws: ServiceError(.invalid, "share processes with container", "other", "it is not running in this pod")
        ) { try request.build() }
    }

    @Test(arguments: [(true, false, true), (true, true, false), (false, false, false), (false, true, false)])
    func hidesTheUnifiedHierarchy(isUnified: Bool, isPrivileged: Bool, isOwn: Bool) throws {
        let found = try namespaces {
            $0.host.hasUnifiedCgroups = isUnified
            $0.security.privileged = isPrivileged
        }
        #expect(found.keys.contains(.cgroup) == isOwn)
    }
}

struct SpecConfinementTests {
    @Test func withoutASecurityContextTheUsualPathsAreClosed() throws {
        let linux = try #require(try SpecRequest().build().linux)
        for path in ["/proc/kcore", "/proc/keys", "/proc/asound", "/proc/interrupts", "/sys/firmware"] {
            #expect(linux.maskedPaths?.contains(path) == true, "\(path)")
        }
        for path in ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"] {
            #expect(linux.readonlyPaths?.contains(path) == true, "\(path)")
        }
    }

    @Test(arguments: [([], []), (["/proc/kcore"], ["/proc/sys"])] as [([String], [String])])
    func aSecurityContextSaysItAll(masked: [String], readonly: [String]) throws {
        let request = SpecRequest {
            $0.security.maskedPaths = masked
            $0.security.readonlyPaths = readonly
        }
        let linux = try #require(try request.build().linux)
        #expect(linux.maskedPaths ?? [] == masked && linux.readonlyPaths ?? [] == readonly)
    }

    @Test func thePrivilegedAreNotConfined() throws {
        let request = SpecRequest {
            $0.security.privileged = true
            $0.security.maskedPaths = ["/proc/kcore"]
            $0.security.readonlyPaths = ["/proc/sys"]
            $0.security.seccomp.profileType = .runtimeDefault
            $0.security.capabilities.dropCapabilities = ["ALL"]
        }
        let spec = try request.build()
        #expect(spec.linux?.maskedPaths ?? [] == [] && spec.linux?.readonlyPaths ?? [] == [])
        #expect(spec.linux?.seccomp == nil)
        #expect(spec.process?.capabilities?.effective == Capabilities.known.sorted())
        #expect(spec.linux?.resources?.devices == [LinuxDeviceCgroup(allow: true, access: "rwm")])
    }

    private static func profile(_ action: LinuxSeccompAction) -> SeccompProfile {
        SeccompProfile(
            defaultAction: action,
            syscalls: [
                .init(names: ["chroot"], action: .allow, includes: .init(caps: ["CAP_SYS_CHROOT"])),
                .init(names: ["read"], action: .allow),
            ])
    }

    @Test(
        arguments: [(nil, nil), (.unconfined, nil), (.runtimeDefault, .errno), (.localhost, .trap)]
            as [(CRI.SecurityProfile.ProfileType?, LinuxSeccompAction?)])
    func choosesTheProfile(type: CRI.SecurityProfile.ProfileType?, action: LinuxSeccompAction?) throws {
        let request = SpecRequest {
            $0.defaults.seccomp = Self.profile(.errno)
            $0.defaults.localhostSeccomp = Self.profile(.trap)
            $0.security.noNewPrivs = true
            if let type { $0.security.seccomp.profileType = type }
        }
        #expect(try request.build().linux?.seccomp?.defaultAction == action)
    }

    @Test(arguments: [([], ["read"]), (["SYS_CHROOT"], ["chroot", "read"])] as [([String], [String])])
    func theFilterFollowsTheCapabilities(add: [String], calls: [String]) throws {
        let request = SpecRequest {
            $0.defaults.seccomp = Self.profile(.errno)
            $0.security.seccomp.profileType = .runtimeDefault
            $0.security.capabilities.addCapabilities = add
        }
        #expect(try request.build().linux?.seccomp?.syscalls?.flatMap(\.names) == calls)
    }

    @Test func refusesProfilesThatAreNotThere() {
        let unread = SpecRequest {
            $0.security.seccomp.profileType = .localhost
            $0.security.seccomp.localhostRef = "/p.json"
        }
        #expect(throws: ServiceError(.invalid, "set seccomp profile", "/p.json", "it was not read")) {
            try unread.build()
        }
        let unknown = SpecRequest { $0.security.seccomp.profileType = .UNRECOGNIZED(9) }
        #expect(throws: ServiceError(.invalid, "set seccomp profile", "9", "no such type of profile")) {
            try unknown.build()
        }
    }

    @Test func whatThePodsAuthorWritesIsNoOrderToTheRuntime() throws {
        let request = SpecRequest {
            $0.pod.metadata.name = "pod"
            $0.pod.metadata.namespace = "space"
            $0.pod.annotations = ["run.oci.handler": "wasm"]
            $0.container.metadata.name = "web"
            $0.container.annotations = ["run.oci.hooks.stdout": "/etc/shadow"]
        }
        #expect(
            try request.build().annotations == [
                "io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "p1",
                "io.kubernetes.cri.sandbox-name": "pod", "io.kubernetes.cri.sandbox-namespace": "space",
                "io.kubernetes.cri.container-name": "web",
            ])
    }
}
