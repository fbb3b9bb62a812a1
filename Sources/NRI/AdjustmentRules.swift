// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI

/// What an administrator does not let plugins do, and which plugins must be there.
package struct AdjustmentRules: Hashable, Sendable {
    package var rejectsHooks = false
    /// Of containers with the profile RuntimeDefault.
    package var rejectsDefaultSeccomp = false
    package var rejectsUnconfinedSeccomp = false
    /// Of those with a profile of their own.
    package var rejectsCustomSeccomp = false
    package var rejectsNamespaces = false
    package var rejectsSysctls = false
    /// Names without index.
    package var requiredPlugins: [String] = []
    /// An annotation of pods with which they do without; "" for none.
    package var tolerationAnnotation = ""

    /// More plugins that the pod needs: `["a", "b"]`, or one name.
    static let requirementAnnotation = "required-plugins.noderesource.dev"

    /// Nothing is rejected.
    package init() {}

    func check(
        _ proposal: NRIValidateContainerAdjustmentRequest, _ owners: FieldOwners
    ) throws(PluginError) {
        func reject(_ rejects: Bool, _ field: NRIField, _ what: String) throws(PluginError) {
            guard rejects, let plugin = owners.owner(of: field) else { return }
            throw PluginError(.refused, "set \(what)", plugin, "the configuration does not let plugins do that")
        }
        try reject(rejectsHooks, .ociHooks, "hooks")
        try reject(rejectsNamespaces, .namespace, "namespaces")
        try reject(rejectsSysctls, .sysctl, "sysctls")
        let linux = proposal.container.linux
        switch linux.hasSeccompProfile ? linux.seccompProfile.profileType : .unconfined {
        case .runtimeDefault: try reject(rejectsDefaultSeccomp, .seccompPolicy, "seccomp policy")
        case .localhost: try reject(rejectsCustomSeccomp, .seccompPolicy, "seccomp policy")
        case .unconfined, .UNRECOGNIZED: try reject(rejectsUnconfinedSeccomp, .seccompPolicy, "seccomp policy")
        }
        let present = Set(proposal.plugins.map(\.name))
        let missing = required(proposal).first { !present.contains($0) }
        if let missing {
            throw PluginError(.refused, "create container", missing, "the plugin is required and is not there")
        }
    }

    private func required(_ proposal: NRIValidateContainerAdjustmentRequest) -> [String] {
        func annotation(_ name: String) -> String? {
            let annotations = proposal.pod.annotations
            return annotations["\(name)/container.\(proposal.container.name)"] ?? annotations["\(name)/pod"]
                ?? annotations[name]
        }
        if !tolerationAnnotation.isEmpty, annotation(tolerationAnnotation) == "true" { return [] }
        let asked = annotation(Self.requirementAnnotation) ?? ""
        // A list in YAML, of either form.
        let names = asked.split { "[], \"'".contains($0) || $0.isNewline }.map(String.init)
        return requiredPlugins + names.filter { $0 != "-" }
    }
}
