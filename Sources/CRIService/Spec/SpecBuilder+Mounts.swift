// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
package import OCIRuntimeSpec

/// A mount of the request whose source was looked up: links are resolved, and it exists.
package struct PreparedMount: Hashable, Sendable {
    /// The place in the container.
    package var destination: String
    /// The file or directory on the host.
    package var source: String
    package var readonly: Bool
    /// Whether mounts below the source are read-only too.
    package var recursivelyReadonly: Bool
    package var propagation: Runtime_V1_MountPropagation
    /// Other owners of the files inside; none for those that they have.
    package var users: [LinuxIDMapping] = []
    package var groups: [LinuxIDMapping] = []
    /// Further options of mount(8).
    package var options: [String] = []

    /// Every property by name.
    package init(
        destination: String, source: String, readonly: Bool = false, recursivelyReadonly: Bool = false,
        propagation: Runtime_V1_MountPropagation = .propagationPrivate
    ) {
        self.destination = destination
        self.source = source
        self.readonly = readonly
        self.recursivelyReadonly = recursivelyReadonly
        self.propagation = propagation
    }

    var mount: Mount {
        var options = ["rbind", propagationOption, readonly ? "ro" : "rw"]
        if recursivelyReadonly { options.append("rro") }
        options += self.options
        var mount = Mount(destination: destination, type: "bind", source: source, options: options)
        if !users.isEmpty { (mount.uidMappings, mount.gidMappings) = (users, groups) }
        return mount
    }

    private var propagationOption: String {
        switch propagation {
        case .propagationBidirectional: "rshared"
        case .propagationHostToContainer: "rslave"
        case .propagationPrivate, .UNRECOGNIZED: "rprivate"
        }
    }
}

extension SpecBuilder {
    /// The kernel's file systems, the pod's files and the request's mounts. A mount of the request takes the place of
    /// one of ours, and what lies deeper is mounted later.
    mutating func setMounts() throws(ServiceError) {
        let requested = input.mounts.map { mount in
            var mount = mount
            mount.destination = PathText.normalised(mount.destination)
            return mount
        }
        for mount in requested where !PathText.isAbsolute(mount.destination) || mount.destination == "/" {
            throw ServiceError(.invalid, "mount at", mount.destination, "not an absolute path below the root")
        }
        let taken = Set(requested.map(\.destination))
        let all =
            (try kernelMounts() + writableMounts() + systemdMounts(beside: taken) + podMounts()
            + markMounts(beside: taken) + imageVolumes(beside: taken) + fipsMounts())
            .filter { !taken.contains($0.destination) }
            + requested.map(\.mount)
        spec.mounts = all.enumerated().sorted { left, right in
            let depths = (PathText.depth(left.element.destination), PathText.depth(right.element.destination))
            return depths.0 == depths.1 ? left.offset < right.offset : depths.0 < depths.1
        }.map(\.element)
        // A mount can propagate no further than the mount that holds it.
        switch requested.map(\.propagation.rawValue).max() {
        case 2: linux.rootfsPropagation = "rshared"
        case 1: linux.rootfsPropagation = "rslave"
        default: break
        }
    }

    /// Whether something of the request lies at the path, or at a folder that it is in.
    static func isTaken(_ path: String, by taken: Set<String>) -> Bool {
        taken.contains { PathText.isAt(path, orBelow: $0) }
    }

    private func kernelMounts() throws(ServiceError) -> [Mount] {
        let sysAccess = isPrivileged ? "rw" : "ro"
        let writesCgroups = try asksForCgroups() || managesCgroups
        var mounts = [
            Mount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
            Mount(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            sysMount(sysAccess),
            Mount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            Mount(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
                options: ["nosuid", "noexec", "nodev", "relatime", writesCgroups ? "rw" : sysAccess]),
        ]
        if input.surroundings.namespaces[.ipc] == nil {
            mounts.append(
                Mount(
                    destination: "/dev/mqueue", type: "bind", source: "/dev/mqueue",
                    options: ["rbind", "nosuid", "noexec", "nodev"]))
        } else {
            mounts.append(
                Mount(
                    destination: "/dev/mqueue", type: "mqueue", source: "mqueue",
                    options: ["nosuid", "noexec", "nodev"]))
        }
        return mounts
    }

    /// A sysfs shows the network namespace of who mounts it, and the kernel allows that to its owner only. A user namespace
    /// in the network of the node gets the node's mount.
    private func sysMount(_ access: String) -> Mount {
        let options = ["nosuid", "noexec", "nodev", access]
        guard input.surroundings.users != nil, input.surroundings.namespaces[.network] == nil else {
            return Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: options)
        }
        return Mount(destination: "/sys", type: "bind", source: "/sys", options: ["rbind", "rprivate"] + options)
    }

    /// Where programs write, when the administrator has made every root file system read-only. A request that asks for that
    /// itself brings what it needs.
    func writableMounts() -> [Mount] {
        guard input.defaults.isReadOnly, !security.readonlyRootfs else { return [] }
        return [("/run", "mode=755"), ("/tmp", "mode=1777"), ("/var/tmp", "mode=1777")].map { place, mode in
            Mount(destination: place, type: "tmpfs", source: "tmpfs", options: ["rw", "nosuid", "nodev", mode])
        }
    }

    /// /run/.containerenv, by which programs find out where they are. A volume at /run may be a folder of the machine, which
    /// must not get such a file.
    private func markMounts(beside taken: Set<String>) -> [Mount] {
        guard let mark = input.surroundings.containerMark, !taken.contains("/run") else { return [] }
        return [
            Mount(
                destination: "/run/.containerenv", type: "bind", source: mark,
                options: ["rbind", "rprivate", "ro", "nosuid", "nodev", "noexec"])
        ]
    }

    /// Programs ask the kernel whether to use only what FIPS allows, and read this.
    private func fipsMounts() -> [Mount] {
        guard let file = input.fipsFile else { return [] }
        return [
            Mount(
                destination: "/proc/sys/crypto/fips_enabled", type: "bind", source: file,
                options: ["bind", "rprivate", "ro", "nosuid", "nodev", "noexec"])
        ]
    }

    /// Not in a volume of the request: the place would be made in it.
    private func imageVolumes(beside taken: Set<String>) -> [Mount] {
        input.imageVolumes.map { volume in
            var volume = volume
            volume.destination = PathText.normalised(volume.destination)
            return volume
        }.filter { PathText.isAbsolute($0.destination) && $0.destination != "/" }
            .filter { !Self.isTaken($0.destination, by: taken) }.map(\.mount)
    }

    private func podMounts() -> [Mount] {
        let access = security.readonlyRootfs ? "ro" : "rw"
        let files = [
            ("/etc/hostname", input.surroundings.hostnameFile), ("/etc/hosts", input.surroundings.hostsFile),
            ("/etc/resolv.conf", input.surroundings.resolvFile),
        ]
        let shm = Mount(
            destination: "/dev/shm", type: "bind", source: input.surroundings.shm,
            options: ["rbind", "nosuid", "nodev", "noexec"])
        let accounts = [("/etc/passwd", input.passwdFile), ("/etc/group", input.groupFile)].compactMap { place, file in
            file.map {
                Mount(destination: place, type: "bind", source: $0, options: ["rbind", "rprivate", access, "nodev"])
            }
        }
        return [shm] + accounts
            + files.map { destination, source in
                Mount(
                    destination: destination, type: "bind", source: source,
                    options: ["rbind", "rprivate", access, "nosuid", "nodev", "noexec"])
            }
    }
}
