// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI
package import OCIRuntimeSpec
internal import SwiftProtobuf

/// Carries out what plugins want of a container, in its specification. Pure: what has to be looked up, CDI devices, is
/// left to the caller.
package struct SpecAdjustment: Sendable {
    private let wanted: NRIContainerAdjustment
    private let owners: FieldOwners
    private var spec: Spec

    /// The specification after the changes. Throws for what cannot be done.
    package static func apply(_ merge: AdjustmentMerge, to spec: Spec) throws(PluginError) -> Spec {
        var adjustment = SpecAdjustment(wanted: merge.adjustment, owners: merge.owners, spec: spec)
        adjustment.adjustProcess()
        adjustment.adjustMounts()
        adjustment.adjustHooks()
        try adjustment.adjustDevices()
        try adjustment.adjustLinux()
        try adjustment.adjustScheduling()
        try adjustment.adjustSeccomp()
        return adjustment.spec
    }

    private mutating func adjustProcess() {
        spec.annotations = EntryChanges(wanted.annotations).applied(to: (spec.annotations ?? [:]).entries).map
        guard var process = spec.process else { return }
        if !wanted.args.isEmpty { process.args = wanted.args }
        if !wanted.env.isEmpty {
            let present = NRIContainer.with { $0.env = process.env ?? [] }
            process.env = EntryChanges(wanted.env).applied(to: present.variables).map { "\($0.key)=\($0.value)" }
        }
        for limit in wanted.rlimits {
            let others = (process.rlimits ?? []).filter { $0.type != limit.type }
            process.rlimits = others + [POSIXRlimit(type: limit.type, hard: limit.hard, soft: limit.soft)]
        }
        if wanted.linux.hasOomScoreAdj { process.oomScoreAdj = Int(wanted.linux.oomScoreAdj.value) }
        spec.process = process
    }

    /// Outer mounts first: one that comes later hides what is below it.
    private mutating func adjustMounts() {
        let changes = EntryChanges(wanted.mounts)
        guard !changes.isEmpty else { return }
        let taken = changes.removed.union(changes.set.map(\.destination))
        let mounts =
            (spec.mounts ?? []).filter { !taken.contains($0.destination) }
            + changes.set.map { mount in
                Mount(
                    destination: mount.destination, type: mount.type.isEmpty ? nil : mount.type,
                    source: mount.source.isEmpty ? nil : mount.source, options: mount.options)
            }
        let depths = mounts.map { $0.destination.utf8.split(separator: UInt8(ascii: "/")).count }
        spec.mounts = mounts.indices.sorted { (depths[$0], $0) < (depths[$1], $1) }.map { mounts[$0] }
        let options = Set(changes.set.flatMap(\.options))
        if !options.isDisjoint(with: ["shared", "rshared"]) {
            spec.linux?.rootfsPropagation = "rshared"
        } else if !options.isDisjoint(with: ["slave", "rslave"]), spec.linux?.rootfsPropagation != "rshared" {
            spec.linux?.rootfsPropagation = "rslave"
        }
    }

    private mutating func adjustHooks() {
        guard wanted.hasHooks else { return }
        var hooks = spec.hooks ?? Hooks()
        func add(_ more: [NRIHook], to place: WritableKeyPath<Hooks, [Hook]?>) {
            guard !more.isEmpty else { return }
            hooks[keyPath: place] = (hooks[keyPath: place] ?? []) + more.map(Hook.init)
        }
        add(wanted.hooks.prestart, to: \.prestart)
        add(wanted.hooks.createRuntime, to: \.createRuntime)
        add(wanted.hooks.createContainer, to: \.createContainer)
        add(wanted.hooks.startContainer, to: \.startContainer)
        add(wanted.hooks.poststart, to: \.poststart)
        add(wanted.hooks.poststop, to: \.poststop)
        spec.hooks = hooks
    }

    /// A device that is added may also be used.
    private mutating func adjustDevices() throws(PluginError) {
        let changes = EntryChanges(wanted.linux.devices)
        guard !changes.isEmpty, var linux = spec.linux else { return }
        let taken = changes.removed.union(changes.set.map(\.path))
        let present = linux.devices ?? []
        var rules = linux.resources?.devices ?? []
        for gone in present where changes.removed.contains(gone.path) {
            rules.removeAll { $0.allow && $0.type == gone.type && $0.major == gone.major && $0.minor == gone.minor }
        }
        var added: [LinuxDevice] = []
        for device in changes.set {
            guard ["c", "b", "u", "p"].contains(device.type) else {
                throw refuse(.devices, "set device \"\(device.path)\"", "\"\(device.type)\" is no type of device")
            }
            let made = LinuxDevice(device)
            added.append(made)
            guard device.type != "p" else { continue }
            rules.append(
                LinuxDeviceCgroup(
                    allow: true, type: device.type == "u" ? "c" : device.type, major: made.major, minor: made.minor,
                    access: "rwm"))
        }
        linux.devices = present.filter { !taken.contains($0.path) } + added
        var resources = linux.resources ?? LinuxResources()
        resources.devices = rules
        linux.resources = resources
        spec.linux = linux
    }

    private mutating func adjustLinux() throws(PluginError) {
        guard wanted.hasLinux, var linux = spec.linux else { return }
        let asked = wanted.linux
        if asked.hasResources {
            var resources = linux.resources ?? LinuxResources()
            do throws(UnusableLimit) {
                try resources.take(asked.resources)
            } catch {
                throw refuse(error.field, "set \(error.name)", error.cause)
            }
            linux.resources = resources
        }
        let sysctl = EntryChanges(asked.sysctl)
        if !sysctl.isEmpty { linux.sysctl = sysctl.applied(to: (linux.sysctl ?? [:]).entries).map }
        let devices = EntryChanges(asked.netDevices.entries)
        if !devices.isEmpty {
            let present = (linux.netDevices ?? [:]).mapValues { $0.name ?? "" }.entries
            linux.netDevices = devices.applied(to: present).map.mapValues {
                LinuxNetDevice(name: $0.isEmpty ? nil : $0)
            }
        }
        for namespace in asked.namespaces {
            let isRemoval = namespace.type.hasPrefix("-")
            guard let type = LinuxNamespaceType(rawValue: String(namespace.type.dropFirst(isRemoval ? 1 : 0))) else {
                throw refuse(.namespace, "set namespace", "\"\(namespace.type)\" is no kind of namespace")
            }
            var namespaces = (linux.namespaces ?? []).filter { $0.type != type }
            if !isRemoval {
                namespaces.append(LinuxNamespace(type: type, path: namespace.path.isEmpty ? nil : namespace.path))
            }
            linux.namespaces = namespaces
        }
        spec.linux = linux
    }

    private mutating func adjustScheduling() throws(PluginError) {
        let asked = wanted.linux
        if asked.hasIoPriority {
            guard let name = asked.ioPriority.class.word else {
                throw refuse(.ioPriority, "set I/O priority", "it has no class")
            }
            spec.process?.ioPriority = LinuxIOPriority(class: name, priority: asked.ioPriority.priority)
        }
        if asked.hasScheduler {
            guard let scheduler = Scheduler(asked.scheduler) else {
                throw refuse(.linuxSched, "set scheduler", "it has no policy, or an unknown flag")
            }
            spec.process?.scheduler = scheduler
        }
        if asked.hasMemoryPolicy {
            guard let policy = LinuxMemoryPolicy(asked.memoryPolicy) else {
                throw refuse(.memoryPolicy, "set memory policy", "its mode or a flag is unknown")
            }
            spec.linux?.memoryPolicy = policy
        }
        if asked.hasRdt {
            let rdt = asked.rdt
            spec.linux?.intelRdt =
                rdt.remove
                ? nil
                : LinuxIntelRdt(
                    closID: rdt.hasClosID ? rdt.closID.value : nil,
                    schemata: rdt.hasSchemata ? rdt.schemata.value : nil,
                    enableMonitoring: rdt.hasEnableMonitoring ? rdt.enableMonitoring.value : nil)
        }
    }

    private mutating func adjustSeccomp() throws(PluginError) {
        guard wanted.linux.hasSeccompPolicy else { return }
        guard let policy = LinuxSeccomp(wanted.linux.seccompPolicy) else {
            throw refuse(
                .seccompPolicy, "set seccomp policy", "it has an unknown action, architecture, flag or operator")
        }
        spec.linux?.seccomp = policy
    }

    private func refuse(_ field: NRIField, _ operation: String, _ cause: String) -> PluginError {
        PluginError(.invalid, operation, owners.owner(of: field) ?? "", cause)
    }
}

extension [NRIKeyValue] {
    var map: [String: String] { Dictionary(self.map { ($0.key, $0.value) }) { $1 } }
}
