// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Confinement
internal import Linux

/// What a process may not do, compiled and ready: the process itself only hands it to the kernel.
struct ProcessConfinement: Sendable {
    private let capabilities: CapabilitySets
    private let limits: ResourceLimits
    private let filter: SeccompFilter?
    /// Who gets the notifications of the filter; nil when it has none.
    let listener: SeccompPlan.Listener?
    /// Hard limits may be raised with rights on the host only, which a user namespace does not give.
    private let limitsComeFromOutside: Bool

    init(_ plan: ProcessPlan, _ seccomp: SeccompPlan?, hasUserNamespace: Bool) throws {
        capabilities = plan.capabilities
        limits = plan.limits
        filter = try seccomp.map { seccomp throws(ConfinementError) in try seccomp.compile() }
        listener = seccomp?.listener
        limitsComeFromOutside = hasUserNamespace
    }

    var hasFilter: Bool { filter != nil }

    /// The runtime's part of the limits: makes room for them where the process itself has no right to.
    func raiseLimits(of pid: Int32) throws { if limitsComeFromOutside { try limits.raise(of: pid) } }

    /// The same by the process, before it gives up its rights.
    func raiseLimits() throws { if !limitsComeFromOutside { try limits.raise() } }

    /// Puts the limits in force.
    func applyLimits(_ part: ResourceLimits.Part = .all) throws { try limits.apply(part) }

    /// Returns the descriptor of the notifications, where there is a listener.
    func loadFilter() throws -> OwnedFD? { try filter?.load() }
    func dropBoundingSet() throws { try capabilities.dropBounding() }
    func applyCapabilities() throws { try capabilities.apply() }
}
