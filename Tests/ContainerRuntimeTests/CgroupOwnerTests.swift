// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import ContainerRuntime

/// Whom the cgroup of a container is given to.
struct CgroupOwnerTests {
    private static func plan(
        user uid: UInt32 = 0, mappings: [LinuxIDMapping]? = nil, options: [String] = ["rw"],
        cgroupNamespace: Bool = true
    ) throws -> ContainerPlan {
        try ContainerPlanTests.plan { spec in
            spec.process?.user?.uid = uid
            spec.mounts = spec.mounts?.filter { $0.type != "cgroup" && $0.type != "cgroup2" }
            spec.mounts?.append(
                Mount(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: options))
            if !cgroupNamespace { spec.linux?.namespaces?.removeAll { $0.type == .cgroup } }
            if let mappings {
                spec.linux?.namespaces?.append(LinuxNamespace(type: .user))
                spec.linux?.uidMappings = mappings
                spec.linux?.gidMappings = mappings
            }
        }
    }

    @Test func `a writable cgroup of its own belongs to the container's user`() throws {
        let mappings = [
            LinuxIDMapping(containerID: 0, hostID: 100_000, size: 1000),
            LinuxIDMapping(containerID: 1000, hostID: 5, size: 1),
        ]
        #expect(try Self.plan(mappings: mappings).cgroupOwner == 100_000)
        #expect(try Self.plan(user: 999, mappings: mappings).cgroupOwner == 100_999)
        #expect(try Self.plan(user: 1000, mappings: mappings).cgroupOwner == 5)
        #expect(try Self.plan(user: 1001, mappings: mappings).cgroupOwner == nil)
        #expect(try Self.plan(user: 7).cgroupOwner == 7)
    }

    @Test func `others do not`() throws {
        #expect(try Self.plan(options: ["ro"]).cgroupOwner == nil)
        #expect(try Self.plan(cgroupNamespace: false).cgroupOwner == nil)
        #expect(try ContainerPlanTests.plan { $0.mounts = [] }.cgroupOwner == nil)
    }
}
