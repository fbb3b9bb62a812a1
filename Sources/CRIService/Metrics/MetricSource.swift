// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import Linux

/// Everything that the metrics of one container, or of one pod, are made of.
struct MetricSource: Sendable {
    /// ns since 1970.
    var time: Int64
    var cgroup: CgroupMetrics?
    var oomKills: UInt64?
    /// Of a pod.
    var interfaces: [InterfaceCounters]?
    /// From here on of a container.
    var processes: ProcessCounts?
    var disk: DiskUse?
    var resources: CRI.Resources?
    /// ns since 1970.
    var startedAt: Int64?

    /// The writable layer, and the file system that holds it.
    struct DiskUse: Sendable {
        var device: String
        var used: UInt64
        var limit: UInt64
        var inodes: UInt64
        var inodesFree: UInt64
    }
}

/// What the processes of a cgroup hold. Blocks the calling thread.
struct ProcessCounts: Sendable {
    var processes: UInt64 = 0
    var descriptors: UInt64 = 0
    var sockets: UInt64 = 0
    /// The soft limit of open files of the first process; nil is unlimited.
    var openFiles: UInt64?

    /// A process that ends meanwhile is left out.
    init(_ pids: [Int32]) {
        processes = UInt64(pids.count)
        for pid in pids {
            let folder = "/proc/\(pid)/fd"
            guard let names = try? Syscall.entries(folder) else { continue }
            descriptors += UInt64(names.count)
            for name in names {
                // A descriptor may be closed before we look at it.
                if let target = try? Syscall.readLink("\(folder)/\(name)"), target.hasPrefix("socket:") { sockets += 1 }
            }
        }
        openFiles = pids.first.flatMap(Self.openFiles)
    }

    /// `Max open files            1024                 524288               files`, proc_pid_limits(5).
    private static func openFiles(_ pid: Int32) -> UInt64? {
        guard let text = try? Syscall.readText("/proc/\(pid)/limits"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Max open files") })
        else { return nil }
        return line.dropFirst("Max open files".count).split(separator: " ").first.flatMap { UInt64($0) }
    }
}

/// Names of block devices.
enum BlockDevices {
    /// `/dev/sda` for 8:0; `8:0` where the kernel knows no name.
    static func name(_ major: UInt64, _ minor: UInt64) -> String {
        let file = "/sys/dev/block/\(major):\(minor)/uevent"
        guard let text = try? Syscall.readText(file),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("DEVNAME=") })
        else { return "\(major):\(minor)" }
        return "/dev/\(line.dropFirst("DEVNAME=".count))"
    }
}
