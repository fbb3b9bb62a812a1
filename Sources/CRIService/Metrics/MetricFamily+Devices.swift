// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import Linux

/// Disks and networks.
extension MetricFamily {
    static let disk: [MetricFamily] = [
        storage("container_fs_inodes_free", "Free inodes of the file system.") { $0.inodesFree },
        storage("container_fs_inodes_total", "Inodes of the file system.") { $0.inodes },
        storage("container_fs_limit_bytes", "Size of the file system, in bytes.") { $0.limit },
        storage("container_fs_usage_bytes", "What the container has written, in bytes.") { $0.used },
        transfers("container_fs_reads_total", "Reads.", "ioServicedRecursive", "Read"),
        transfers("container_fs_writes_total", "Writes.", "ioServicedRecursive", "Write"),
        transfers("container_fs_reads_bytes_total", "Bytes read.", "ioServiceBytesRecursive", "Read"),
        transfers("container_fs_writes_bytes_total", "Bytes written.", "ioServiceBytesRecursive", "Write"),
        MetricFamily(
            name: "container_blkio_device_usage_total", help: "Bytes transferred by device and kind of operation.",
            type: .counter, labels: ["device", "major", "minor", "operation"]
        ) { source in
            (source.cgroup?.blkio.counts["ioServiceBytesRecursive"] ?? []).map { entry in
                Sample(
                    value: entry.value,
                    labels: [
                        BlockDevices.name(entry.major, entry.minor), "\(entry.major)", "\(entry.minor)", entry.op ?? "",
                    ])
            }
        },
    ]

    static let network: [MetricFamily] = [
        traffic("container_network_receive_bytes_total", "Bytes received.") { $0.received.bytes },
        traffic("container_network_receive_packets_total", "Packets received.") { $0.received.packets },
        traffic("container_network_receive_packets_dropped_total", "Packets dropped on receipt.") {
            $0.received.dropped
        },
        traffic("container_network_receive_errors_total", "Errors on receipt.") { $0.received.errors },
        traffic("container_network_transmit_bytes_total", "Bytes sent.") { $0.sent.bytes },
        traffic("container_network_transmit_packets_total", "Packets sent.") { $0.sent.packets },
        traffic("container_network_transmit_packets_dropped_total", "Packets dropped before sending.") {
            $0.sent.dropped
        },
        traffic("container_network_transmit_errors_total", "Errors of sending.") { $0.sent.errors },
    ]

    private static func storage(
        _ name: String, _ help: String, _ read: @escaping @Sendable (MetricSource.DiskUse) -> UInt64
    ) -> MetricFamily {
        MetricFamily(name: name, help: help, type: .gauge, labels: ["device"]) { source in
            source.disk.map { [Sample(value: read($0), labels: [$0.device])] } ?? []
        }
    }

    private static func transfers(
        _ name: String, _ help: String, _ table: String, _ operation: String
    ) -> MetricFamily {
        MetricFamily(name: name, help: help, type: .counter, labels: ["device"]) { source in
            (source.cgroup?.blkio.counts[table] ?? []).filter { $0.op == operation }.map { entry in
                Sample(value: entry.value, labels: [BlockDevices.name(entry.major, entry.minor)])
            }
        }
    }

    private static func traffic(
        _ name: String, _ help: String, _ read: @escaping @Sendable (InterfaceCounters) -> UInt64
    ) -> MetricFamily {
        MetricFamily(name: name, help: help, type: .counter, labels: ["interface"]) { source in
            (source.interfaces ?? []).map { Sample(value: read($0), labels: [$0.name]) }
        }
    }
}
