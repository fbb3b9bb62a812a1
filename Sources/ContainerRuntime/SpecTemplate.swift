// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// The configuration that `spec` writes: a shell in a container that is confined as is usual.
package enum SpecTemplate {
    /// For root.
    package static let standard = Spec(
        process: process, root: Root(path: "rootfs", readonly: true), hostname: "skiffrun", mounts: mounts,
        linux: LinuxConfig(
            resources: LinuxResources(devices: [LinuxDeviceCgroup(allow: false, access: "rwm")]),
            namespaces: [.pid, .network, .ipc, .uts, .mount, .cgroup].map { LinuxNamespace(type: $0) },
            maskedPaths: [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]))

    /// For a user without rights on the host: one id in a user namespace, the host's network and no limits.
    package static func rootless(uid: UInt32, gid: UInt32) -> Spec {
        var spec = standard
        spec.linux?.namespaces = [.pid, .ipc, .uts, .mount, .cgroup, .user].map { LinuxNamespace(type: $0) }
        spec.linux?.uidMappings = [LinuxIDMapping(containerID: 0, hostID: uid, size: 1)]
        spec.linux?.gidMappings = [LinuxIDMapping(containerID: 0, hostID: gid, size: 1)]
        spec.linux?.resources = nil
        spec.mounts = mounts.compactMap { mount in
            var mount = mount
            // The group of terminals is not mapped, and the host's network forbids a new sysfs.
            mount.options?.removeAll { $0.hasPrefix("gid=") }
            if mount.type == "sysfs" {
                mount.source = "/sys"
                mount.type = "none"
                mount.options = ["rbind", "nosuid", "noexec", "nodev", "ro"]
            }
            return mount.type == "cgroup" ? nil : mount
        }
        return spec
    }

    private static let process: Process = {
        let names = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
        return Process(
            terminal: true, user: User(uid: 0, gid: 0), args: ["sh"],
            env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"], cwd: "/",
            capabilities: LinuxCapabilities(bounding: names, effective: names, permitted: names),
            rlimits: [POSIXRlimit(type: "RLIMIT_NOFILE", hard: 1024, soft: 1024)], noNewPrivileges: true)
    }()

    private static let mounts: [Mount] = [
        Mount(destination: "/proc", type: "proc", source: "proc"),
        Mount(
            destination: "/dev", type: "tmpfs", source: "tmpfs",
            options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        Mount(
            destination: "/dev/pts", type: "devpts", source: "devpts",
            options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        Mount(
            destination: "/dev/shm", type: "tmpfs", source: "shm",
            options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        Mount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
        Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]),
        Mount(
            destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup",
            options: ["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
}
