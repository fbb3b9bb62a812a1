// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import NRIAPI
internal import SwiftProtobuf

/// What plugins want of a container that is being made, put together in the order in which they are asked. Each is shown
/// the container as the plugins before it have left it.
package struct AdjustmentMerge: Sendable {
    /// The container, with all changes so far.
    package private(set) var container: NRIContainer
    /// The changes. A "-" before a key is still there where something of the container is taken away.
    package private(set) var adjustment = NRIContainerAdjustment()
    /// Changes to other containers.
    package private(set) var others = UpdateMerge()
    package private(set) var evictions: [NRIContainerEviction] = []
    package private(set) var owners = FieldOwners()

    /// A container without changes.
    package init(_ container: NRIContainer) { self.container = container }

    /// Adds what a plugin wants. Throws when another plugin has set the same.
    mutating func add(_ response: NRICreateContainerResponse, of plugin: String) throws(PluginError) {
        if let update = response.update.first(where: { $0.containerID == container.id }) {
            throw PluginError(
                .invalid, "update container", plugin, "\"\(update.containerID)\" is the one that is being made")
        }
        if response.hasAdjust { try adjust(response.adjust, plugin) }
        try others.add(response.update, of: plugin)
        evictions += response.evict
    }

    private mutating func adjust(_ wanted: NRIContainerAdjustment, _ plugin: String) throws(PluginError) {
        try merge(
            EntryChanges(wanted.annotations), .annotations, plugin, \.annotations.entries, \.annotations.entries)
        try merge(EntryChanges(wanted.mounts), .mounts, plugin, \.mounts, \.mounts)
        try merge(EntryChanges(wanted.env), .env, plugin, \.env, \.variables)
        try merge(EntryChanges(wanted.rlimits), .rlimits, plugin, \.rlimits, \.rlimits)
        try merge(EntryChanges(wanted.cdiDevices), .cdiDevices, plugin, \.cdiDevices, \.cdiDevices)
        if !wanted.args.isEmpty { try replaceArguments(wanted.args, plugin) }
        if wanted.hooks != NRIHooks() {
            // Those of all plugins are run.
            owners.share(.ociHooks, plugin)
            adjustment.hooks.append(wanted.hooks)
            container.hooks.append(wanted.hooks)
        }
        if wanted.hasLinux { try adjust(wanted.linux, plugin) }
    }

    private mutating func replaceArguments(_ wanted: [String], _ plugin: String) throws(PluginError) {
        let replaces = wanted.first?.isEmpty ?? false
        if replaces { owners.release(.args) }
        try owners.claim(.args, plugin)
        adjustment.args = Array(wanted.dropFirst(replaces ? 1 : 0))
        container.args = adjustment.args
    }

    private mutating func adjust(_ wanted: NRILinuxContainerAdjustment, _ plugin: String) throws(PluginError) {
        try merge(EntryChanges(wanted.devices), .devices, plugin, \.linux.devices, \.linux.devices)
        try merge(EntryChanges(wanted.namespaces), .namespace, plugin, \.linux.namespaces, \.linux.namespaces)
        try merge(EntryChanges(wanted.sysctl), .sysctl, plugin, \.linux.sysctl.entries, \.linux.sysctl.entries)
        try merge(
            EntryChanges(wanted.netDevices.mapValues(\.name)), .linuxNetDevices, plugin,
            \.linux.netDevices.entries, \.linux.netDevices.entries)
        if wanted.hasResources {
            var seen = FieldOwners()
            try adjustment.linux.resources.take(wanted.resources, of: plugin, &owners)
            // The owners were asked just now.
            try container.linux.resources.take(wanted.resources, of: plugin, &seen)
        }
        try set(.cgroupsPath, plugin, !wanted.cgroupsPath.isEmpty) {
            ($0.linux.cgroupsPath, $1.linux.cgroupsPath) = (wanted.cgroupsPath, wanted.cgroupsPath)
        }
        try set(.oomScoreAdj, plugin, wanted.hasOomScoreAdj) {
            ($0.linux.oomScoreAdj, $1.linux.oomScoreAdj) = (wanted.oomScoreAdj, wanted.oomScoreAdj)
        }
        try set(.ioPriority, plugin, wanted.hasIoPriority) {
            ($0.linux.ioPriority, $1.linux.ioPriority) = (wanted.ioPriority, wanted.ioPriority)
        }
        try set(.seccompPolicy, plugin, wanted.hasSeccompPolicy) {
            ($0.linux.seccompPolicy, $1.linux.seccompPolicy) = (wanted.seccompPolicy, wanted.seccompPolicy)
        }
        try set(.linuxSched, plugin, wanted.hasScheduler) {
            ($0.linux.scheduler, $1.linux.scheduler) = (wanted.scheduler, wanted.scheduler)
        }
        try set(.rdtClosID, plugin, wanted.hasRdt) { ($0.linux.rdt, $1.linux.rdt) = (wanted.rdt, wanted.rdt) }
        try set(.memoryPolicy, plugin, wanted.hasMemoryPolicy) { adjustment, _ in
            adjustment.linux.memoryPolicy = wanted.memoryPolicy
        }
    }

    /// A field as a whole.
    private mutating func set(
        _ field: NRIField, _ plugin: String, _ isSet: Bool,
        _ copy: (inout NRIContainerAdjustment, inout NRIContainer) -> Void
    ) throws(PluginError) {
        guard isSet else { return }
        try owners.claim(field, plugin)
        copy(&adjustment, &container)
    }

    /// Entries of a field, in the changes and in the container.
    private mutating func merge<Item: KeyedEntry>(
        _ changes: EntryChanges<Item>, _ field: NRIField, _ plugin: String,
        _ adjusted: WritableKeyPath<NRIContainerAdjustment, [Item]>, _ shown: WritableKeyPath<NRIContainer, [Item]>
    ) throws(PluginError) {
        guard !changes.isEmpty else { return }
        for key in changes.removed { owners.release(field, key) }
        for item in changes.set { try owners.claim(field, item.key, plugin) }
        adjustment[keyPath: adjusted] = changes.merged(into: adjustment[keyPath: adjusted])
        container[keyPath: shown] = changes.applied(to: container[keyPath: shown])
    }
}

extension NRIHooks {
    fileprivate mutating func append(_ more: NRIHooks) {
        prestart += more.prestart
        createRuntime += more.createRuntime
        createContainer += more.createContainer
        startContainer += more.startContainer
        poststart += more.poststart
        poststop += more.poststop
    }
}
