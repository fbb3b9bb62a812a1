// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI
internal import SwiftProtobuf
internal import Synchronization

extension PluginHub {
    /// Has the changes checked: by the administrator's rules, and by the plugins that want to. Throws when one says no, and
    /// when a plugin that checks does not answer.
    func validate(
        _ request: NRICreateContainerRequest, _ merge: AdjustmentMerge
    ) async throws(PluginError) {
        let plugins = state.withLock { $0.plugins }
        let validators = plugins.filter { $0.wants(.validateContainerAdjustment) }
        guard settings.rules != nil || !validators.isEmpty else { return }
        let proposal = NRIValidateContainerAdjustmentRequest.with {
            ($0.pod, $0.container) = (request.pod, request.container)
            ($0.adjust, $0.update) = (merge.adjustment, merge.others.updates)
            var owners = merge.others.owners
            owners[request.container.id] = merge.owners
            $0.owners.owners = owners.mapValues(\.message)
            $0.plugins = plugins.map { plugin in
                .with { ($0.name, $0.index) = (plugin.name.name, plugin.name.index) }
            }
        }
        try settings.rules?.check(proposal, merge.owners)
        for plugin in validators {
            let answer: NRIValidateContainerAdjustmentResponse? = try await plugin.ask(
                "ValidateContainerAdjustment", proposal)
            let name = plugin.name.description
            guard let answer else {
                throw PluginError(.broken, "ValidateContainerAdjustment", name, plugin.connection.reason)
            }
            guard answer.reject else { continue }
            throw PluginError(
                .refused, "ValidateContainerAdjustment", name, answer.reason.isEmpty ? "no" : answer.reason.oneLine)
        }
    }
}
