// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import NRIAPI
internal import SwiftProtobuf

/// Which plugin has set which field of one container: a field, or an entry of it, has one owner.
package struct FieldOwners: Hashable, Sendable {
    private var simple: [NRIField: String] = [:]
    private var entries: [NRIField: [String: String]] = [:]

    /// Nobody.
    package init() {}

    /// The field is the plugin's from now on. Throws when it is another's already.
    mutating func claim(_ field: NRIField, _ plugin: String) throws(PluginError) {
        if let other = simple[field] { throw Self.conflict(Self.words(field), plugin, other) }
        simple[field] = plugin
    }

    /// The same for an entry of a field.
    mutating func claim(_ field: NRIField, _ key: String, _ plugin: String) throws(PluginError) {
        if let other = entries[field]?[key] { throw Self.conflict("\(Self.words(field)) \"\(key)\"", plugin, other) }
        entries[field, default: [:]][key] = plugin
    }

    /// The field is also the plugin's from now on.
    mutating func share(_ field: NRIField, _ plugin: String) {
        simple[field] = simple[field].map { "\($0),\(plugin)" } ?? plugin
    }

    /// Nobody has set it any more.
    mutating func release(_ field: NRIField) { simple[field] = nil }
    mutating func release(_ field: NRIField, _ key: String) { entries[field]?[key] = nil }

    /// Whether anybody has set the field or an entry of it, and who.
    package func owner(of field: NRIField) -> String? { simple[field] ?? entries[field]?.values.min() }

    var message: NRIFieldOwners {
        .with { message in
            for (field, plugin) in simple { message.simple[Int32(field.rawValue)] = plugin }
            for (field, keys) in entries where !keys.isEmpty {
                message.compound[Int32(field.rawValue)] = .with { $0.owners = keys }
            }
        }
    }

    private static func conflict(_ what: String, _ plugin: String, _ other: String) -> PluginError {
        PluginError(.invalid, "set \(what)", plugin, "plugin \"\(other)\" has set it")
    }

    private static func words(_ field: NRIField) -> String {
        switch field {
        case .annotations: "annotation"
        case .mounts: "mount"
        case .ociHooks: "hooks"
        case .devices: "device"
        case .cdiDevices: "CDI device"
        case .env: "variable"
        case .args: "arguments"
        case .memLimit: "memory limit"
        case .memReservation: "memory reservation"
        case .memSwapLimit: "swap limit"
        case .memKernelLimit: "limit of kernel memory"
        case .memTcpLimit: "limit of TCP memory"
        case .memSwappiness: "swappiness"
        case .memDisableOomKiller: "switch of the OOM killer"
        case .memUseHierarchy: "use of the hierarchy"
        case .cpuShares: "CPU shares"
        case .cpuQuota: "CPU quota"
        case .cpuPeriod: "CPU period"
        case .cpuRealtimeRuntime: "realtime runtime"
        case .cpuRealtimePeriod: "realtime period"
        case .cpusetCpus: "CPUs"
        case .cpusetMems: "memory nodes"
        case .pidsLimit: "limit of tasks"
        case .hugepageLimits: "limit of huge pages"
        case .blockioClass: "class of block I/O"
        case .rdtClass: "RDT class"
        case .cgroupsUnified: "cgroup key"
        case .cgroupsPath: "cgroup"
        case .oomScoreAdj: "oom_score_adj"
        case .rlimits: "limit"
        case .ioPriority: "I/O priority"
        case .seccompPolicy: "seccomp policy"
        case .namespace: "namespace"
        case .sysctl: "sysctl"
        case .linuxNetDevices: "network device"
        case .linuxSched: "scheduler"
        case .rdtClosID, .rdtSchemata, .rdtEnableMonitoring: "RDT"
        case .memoryPolicy: "memory policy"
        case .none, .UNRECOGNIZED: "field"
        }
    }
}
