// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import OCIImageSpec
import OCIRuntimeSpec
import Testing

@testable import CRIService

struct SpecMountTests {
    private func mounts(_ change: (inout SpecRequest) -> Void = { _ in }) throws -> [Mount] {
        try #require(try SpecRequest(change).build().mounts)
    }

    private func mount(at path: String, _ change: (inout SpecRequest) -> Void) throws -> Mount {
        try #require(try mounts(change).first { $0.destination == path })
    }

    @Test func aContainerHasTheKernelsAndThePodsFiles() throws {
        #expect(
            try mounts().map { "\($0.destination) \($0.source ?? "")" } == [
                "/proc proc", "/dev tmpfs", "/sys sysfs", "/dev/pts devpts", "/dev/mqueue mqueue", "/dev/shm /pod/shm",
                "/etc/hostname /pod/hostname", "/etc/hosts /pod/hosts", "/etc/resolv.conf /pod/resolv.conf",
                "/sys/fs/cgroup cgroup",
            ])
    }

    @Test func aFileTellsThatItIsAContainer() throws {
        let place = "/run/.containerenv"
        func found(_ change: (inout SpecRequest) -> Void) throws -> [Mount] {
            try mounts {
                $0.surroundings.containerMark = "/pod/containerenv"
                change(&$0)
            }.filter { $0.destination == place }
        }
        #expect(try found { _ in }.map(\.source) == ["/pod/containerenv"])
        #expect(
            try found { $0.mounts = [PreparedMount(destination: place, source: "/mine")] }.map(\.source) == ["/mine"])
        // The node's /run would get it otherwise.
        #expect(try found { $0.mounts = [PreparedMount(destination: "/run/", source: "/run")] }.isEmpty)
        #expect(try mounts().allSatisfy { $0.destination != place })
    }

    @Test(arguments: [
        (["/sbin/init"], true), (["/usr/lib/systemd/systemd", "--unit=a"], true), (["/usr/sbin/init"], true),
        (["init"], false), (["sh", "-c", "exec /sbin/init"], false), (["/bin/systemd-run"], false),
    ])
    func systemdGetsWhatItWants(command: [String], isMeant: Bool) throws {
        let places = ["/run", "/tmp", "/run/lock", "/var/log/journal"]
        let all = try mounts {
            $0.container.command = command
            $0.host.hasUnifiedCgroups = true
            $0.host.delegatesCgroups = true
        }
        #expect(
            all.filter { places.contains($0.destination) }.map(\.type) == (isMeant ? places.map { _ in "tmpfs" } : []))
        let cgroup = try #require(all.first { $0.destination == "/sys/fs/cgroup" }?.options)
        #expect(cgroup.contains("rw") == isMeant && cgroup.contains("ro") != isMeant)
        let legacy = try mount(at: "/sys/fs/cgroup") { $0.container.command = command }
        #expect(legacy.options?.contains("ro") == true)
    }

    @Test func theImageMayMeanSystemd() throws {
        let all = try mounts {
            $0.image.entrypoint = nil
            $0.image.cmd = ["/sbin/init"]
            $0.mounts = [PreparedMount(destination: "/tmp", source: "/mine")]
        }
        #expect(all.filter { $0.destination == "/tmp" }.map(\.source) == ["/mine"])
        #expect(all.contains { $0.destination == "/run/lock" && $0.type == "tmpfs" })
    }

    /// A volume that holds a place, and the places that are left.
    @Test(arguments: [
        ("/var/log", ["/run", "/tmp", "/run/lock"]), ("/var/", ["/run", "/tmp", "/run/lock"]),
        ("/run", ["/tmp", "/var/log/journal"]), ("/run/lock", ["/run", "/tmp", "/var/log/journal"]),
        ("/run/lock/x", ["/run", "/tmp", "/run/lock", "/var/log/journal"]),
        ("/ru", ["/run", "/tmp", "/run/lock", "/var/log/journal"]),
    ])
    func systemdGetsNothingInAVolume(volume: String, left: [String]) throws {
        let all = try mounts {
            $0.container.command = ["/sbin/init"]
            $0.mounts = [PreparedMount(destination: volume, source: "/mine")]
        }
        let places = ["/run", "/tmp", "/run/lock", "/var/log/journal"]
        #expect(all.filter { places.contains($0.destination) && $0.type == "tmpfs" }.map(\.destination) == left)
    }

    /// Without it the container's root could lift its own limits.
    @Test(arguments: [(true, false), (false, true), (false, false)])
    func onlyADelegatedCgroupCanBeWritten(delegates: Bool, hasUsers: Bool) throws {
        let cgroup = try mount(at: "/sys/fs/cgroup") {
            $0.container.command = ["/sbin/init"]
            $0.host.hasUnifiedCgroups = true
            $0.host.delegatesCgroups = delegates
            let ids = LinuxIDMapping(containerID: 0, hostID: 65536, size: 65536)
            if hasUsers { $0.surroundings.users = UserMapping(users: ids, groups: ids) }
        }
        let isWritable = delegates || hasUsers
        #expect(cgroup.options?.contains("rw") == isWritable && cgroup.options?.contains("ro") != isWritable)
    }

    @Test(arguments: [
        ("/a/../\u{301}b", "/\u{301}b"), ("/a/\u{301}/../b", "/a/b"), ("//a/./b/", "/a/b"), ("/../..", "/"),
        ("/\u{301}", "/\u{301}"), ("a/b", "a/b"),
    ])
    func pathsAreReadByBytes(path: String, normalised: String) {
        #expect(PathText.normalised(path).utf8.elementsEqual(normalised.utf8))
    }

    @Test func shallowMountsComeFirst() throws {
        let places = ["/a/b/c", "/z", "/a/b", "/a"]
        let all = try mounts {
            $0.mounts = places.map { PreparedMount(destination: $0, source: "/host" + $0) }
        }
        #expect(all.map(\.destination).filter { places.contains($0) } == ["/z", "/a", "/a/b", "/a/b/c"])
        let depths = all.map { $0.destination.split(separator: "/").count }
        #expect(depths == depths.sorted())
    }

    @Test(arguments: [
        "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/dev/shm", "/sys", "/etc//hosts/", "/etc/./hosts",
    ])
    func aMountOfTheRequestTakesThePlaceOfOurs(path: String) throws {
        let all = try mounts { $0.mounts = [PreparedMount(destination: path, source: "/mine")] }
        let place = PathText.normalised(path)
        #expect(all.filter { $0.destination == place }.map(\.source) == ["/mine"])
    }

    @Test(arguments: [
        ("/a", "/a"), ("/a/", "/a"), ("//a//b", "/a/b"), ("/a/./b/.", "/a/b"), ("/a/../b", "/b"), ("/../../b", "/b"),
        ("/", "/"), ("/a/..", "/"), ("a/b", "a/b"), ("", ""),
    ])
    func normalises(path: String, result: String) { #expect(PathText.normalised(path) == result) }

    @Test(arguments: ["", "relative", "/", "//", "/a/.."])
    func refusesPlaces(path: String) {
        let request = SpecRequest { $0.mounts = [PreparedMount(destination: path, source: "/mine")] }
        let error = #expect(throws: ServiceError.self) { try request.build() }
        #expect(error?.code == .invalid && error?.operation == "mount at")
    }

    static let kinds: [(Runtime_V1_MountPropagation, String, String?)] = [
        (.propagationPrivate, "rprivate", nil), (.propagationHostToContainer, "rslave", "rslave"),
        (.propagationBidirectional, "rshared", "rshared"),
    ]

    @Test(arguments: kinds)
    func propagates(kind: Runtime_V1_MountPropagation, option: String, root: String?) throws {
        let request = SpecRequest {
            $0.mounts = [PreparedMount(destination: "/a", source: "/mine", propagation: kind)]
        }
        let spec = try request.build()
        #expect(
            spec.mounts?.first { $0.destination == "/a" }
                == Mount(destination: "/a", type: "bind", source: "/mine", options: ["rbind", option, "rw"]))
        #expect(spec.linux?.rootfsPropagation == root)
    }

    @Test func theWidestPropagationIsThatOfTheRoot() throws {
        let request = SpecRequest {
            $0.mounts = Self.kinds.map { PreparedMount(destination: "/\($0.1)", source: "/mine", propagation: $0.0) }
        }
        #expect(try request.build().linux?.rootfsPropagation == "rshared")
    }

    @Test(arguments: [
        (false, false, ["rbind", "rprivate", "rw"]), (true, false, ["rbind", "rprivate", "ro"]),
        (true, true, ["rbind", "rprivate", "ro", "rro"]),
    ])
    func readsOnly(readonly: Bool, recursively: Bool, options: [String]) throws {
        let found = try mount(at: "/a") {
            $0.mounts = [
                PreparedMount(
                    destination: "/a", source: "/mine", readonly: readonly, recursivelyReadonly: recursively)
            ]
        }
        #expect(found.options == options)
    }

    @Test(arguments: [(false, "rw"), (true, "ro")])
    func aReadOnlyRootCoversThePodsFiles(readonly: Bool, access: String) throws {
        let request = SpecRequest { $0.security.readonlyRootfs = readonly }
        let spec = try request.build()
        #expect(spec.root == Root(path: "/rootfs", readonly: readonly ? true : nil))
        for path in ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"] {
            #expect(spec.mounts?.first { $0.destination == path }?.options?.contains(access) == true)
        }
        // /dev/shm is no part of the root.
        #expect(spec.mounts?.first { $0.destination == "/dev/shm" }?.options?.contains("ro") == false)
    }

    @Test(arguments: ["/sys", "/sys/fs/cgroup"])
    func onlyThePrivilegedWriteToSys(path: String) throws {
        for (isPrivileged, access) in [(false, "ro"), (true, "rw")] {
            let options = try mount(at: path) { $0.security.privileged = isPrivileged }.options ?? []
            #expect(options.filter { $0 == "ro" || $0 == "rw" } == [access])
        }
    }

    @Test func theHostsIPCComesWithItsQueues() throws {
        let found = try mount(at: "/dev/mqueue") {
            $0.surroundings.namespaces[.ipc] = nil
            $0.surroundings.shm = "/dev/shm"
        }
        #expect(found.type == "bind" && found.source == "/dev/mqueue")
        #expect(try mount(at: "/dev/mqueue") { _ in }.type == "mqueue")
    }
}
