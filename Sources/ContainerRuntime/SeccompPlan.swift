// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Confinement
package import OCIRuntimeSpec

/// The system call filter of a container, checked: its rules, or a program that somebody else has compiled.
package struct SeccompPlan: Hashable, Sendable {
    package enum Source: Hashable, Sendable {
        case rules(LinuxSeccomp)
        /// Instructions as `SeccompFilter` has them.
        case program([UInt64])
    }

    /// Who decides on calls with SCMP_ACT_NOTIFY.
    package struct Listener: Hashable, Sendable {
        /// Unix socket that receives the descriptor.
        package var path: String
        /// Text for it.
        package var metadata: String?
    }

    package var source: Source
    package var listener: Listener?
    package var failsOnUnknownCalls: Bool

    /// nil without any filter.
    package init?(_ seccomp: LinuxSeccomp?, _ annotations: RuntimeAnnotations) throws(PlanError) {
        failsOnUnknownCalls = annotations.failsOnUnknownCalls
        if let program = annotations.seccompProgram {
            source = .program(program)
            return
        }
        guard let seccomp else { return nil }
        source = .rules(seccomp)
        listener = try Self.listener(seccomp, annotations)
        try Self.checkErrorNumbers(seccomp)
    }

    /// The path means nothing without a rule that notifies, runtime-spec "Seccomp"; then nobody is told.
    private static func listener(
        _ seccomp: LinuxSeccomp, _ annotations: RuntimeAnnotations
    ) throws(PlanError) -> Listener? {
        let path = seccomp.listenerPath.flatMap { $0.isEmpty ? nil : $0 } ?? annotations.seccompReceiver
        let metadata = seccomp.listenerMetadata.flatMap { $0.isEmpty ? nil : $0 }
        if metadata != nil, path == nil { throw PlanError("seccomp listenerMetadata is set, but listenerPath is not") }
        if let path, !path.hasPrefix("/") || path.utf8.contains(0) {
            throw PlanError("seccomp listenerPath \"\(path)\" must be an absolute path")
        }
        if seccomp.defaultAction == .notify {
            throw PlanError("SCMP_ACT_NOTIFY cannot be used as default action")
        }
        let notifying = (seccomp.syscalls ?? []).filter { $0.action == .notify }
        if notifying.isEmpty { return nil }
        // The runtime is told of the descriptor with write(2).
        if notifying.contains(where: { $0.names.contains("write") }) {
            throw PlanError("SCMP_ACT_NOTIFY cannot be used for the write syscall")
        }
        guard let path else { throw PlanError("seccomp listenerPath is not set") }
        return Listener(path: path, metadata: metadata)
    }

    /// What an administrator would wonder about later; nil when there is nothing.
    package var warning: String? {
        guard case .rules(let rules) = source else { return nil }
        let actions = (rules.syscalls ?? []).filter { $0.names.contains("exit_group") }.map(\.action)
        let endings: Set<LinuxSeccompAction> = [.allow, .log, .trace, .notify]
        if (actions.isEmpty ? [rules.defaultAction] : actions).contains(where: endings.contains) { return nil }
        return "the seccomp profile does not allow exit_group: programs end by a signal instead of their status"
    }

    /// A number beside an action that has none would be ignored, as one that the kernel cuts off.
    private static func checkErrorNumbers(_ seccomp: LinuxSeccomp) throws(PlanError) {
        var all = (seccomp.syscalls ?? []).map { ($0.action, $0.errnoRet) }
        all.append((seccomp.defaultAction, seccomp.defaultErrnoRet))
        for (action, number) in all {
            guard let number else { continue }
            switch action {
            case .errno:
                guard number <= 4095 else { throw PlanError("seccomp errno \(number) is out of range 0-4095") }
            case .trace:
                guard number <= 65535 else { throw PlanError("seccomp errno \(number) is out of range 0-65535") }
            case .kill, .killProcess, .killThread, .trap, .allow, .log, .notify:
                throw PlanError("seccomp: errno is not supported for action \(action.rawValue)")
            }
        }
    }

    /// Programs of filters, for all containers of the machine: they depend on the profile alone.
    private static let cache = "/run/skiffrun-seccomp"

    /// The filter itself. Takes a while for long profiles, once.
    func compile() throws(ConfinementError) -> SeccompFilter {
        switch source {
        case .rules(let rules):
            try SeccompFilter(rules, cache: Self.cache, failsOnUnknownCalls: failsOnUnknownCalls)
        case .program(let program): SeccompFilter(program: program)
        }
    }
}
