// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import CRIAPI
internal import OCIRuntimeSpec

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
        return Mount(destination: destination, type: "bind", source: source, options: options)
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
            mount.destination = Self.normalised(mount.destination)
            return mount
        }
        for mount in requested where !mount.destination.hasPrefix("/") || mount.destination == "/" {
            throw ServiceError(.invalid, "mount at", mount.destination, "not an absolute path below the root")
        }
        let taken = Set(requested.map(\.destination))
        let all = (kernelMounts() + podMounts()).filter { !taken.contains($0.destination) } + requested.map(\.mount)
        spec.mounts = all.enumerated().sorted { left, right in
            let depths = (Self.depth(left.element), Self.depth(right.element))
            return depths.0 == depths.1 ? left.offset < right.offset : depths.0 < depths.1
        }.map(\.element)
        // A mount can propagate no further than the mount that holds it.
        switch requested.map(\.propagation.rawValue).max() {
        case 2: linux.rootfsPropagation = "rshared"
        case 1: linux.rootfsPropagation = "rslave"
        default: break
        }
    }

    private static func depth(_ mount: Mount) -> Int { mount.destination.count { $0 == "/" } }

    /// Without double and trailing slashes and `.`; `..` goes up and stops at the root.
    static func normalised(_ path: String) -> String {
        var names: [Substring] = []
        for name in path.split(separator: "/") where name != "." {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        return (path.hasPrefix("/") ? "/" : "") + names.joined(separator: "/")
    }

    private func kernelMounts() -> [Mount] {
        let sysAccess = isPrivileged ? "rw" : "ro"
        var mounts = [
            Mount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
            Mount(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            Mount(
                destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", sysAccess]),
            Mount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            Mount(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
                options: ["nosuid", "noexec", "nodev", "relatime", sysAccess]),
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

    private func podMounts() -> [Mount] {
        let access = security.readonlyRootfs ? "ro" : "rw"
        let files = [
            ("/etc/hostname", input.surroundings.hostnameFile), ("/etc/hosts", input.surroundings.hostsFile),
            ("/etc/resolv.conf", input.surroundings.resolvFile),
        ]
        let shm = Mount(
            destination: "/dev/shm", type: "bind", source: input.surroundings.shm,
            options: ["rbind", "nosuid", "nodev", "noexec"])
        let passwd = input.passwdFile.map {
            Mount(
                destination: "/etc/passwd", type: "bind", source: $0, options: ["rbind", "rprivate", access, "nodev"])
        }
        return [shm] + [passwd].compactMap(\.self)
            + files.map { destination, source in
                Mount(
                    destination: destination, type: "bind", source: source,
                    options: ["rbind", "rprivate", access, "nosuid", "nodev", "noexec"])
            }
    }
}
