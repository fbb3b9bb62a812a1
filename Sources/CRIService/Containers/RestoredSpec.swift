// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// The configuration of a container that goes on from a checkpoint: that of the request, with the program that was
/// running. What its processes have open outside of the container must be there again, by the same names.
struct RestoredSpec {
    /// Of the container of the checkpoint.
    var former: Spec
    /// By the request.
    var wanted: Spec

    func build() throws(ServiceError) -> Spec {
        try check()
        var spec = wanted
        spec.process?.args = former.process?.args
        spec.process?.env = former.process?.env
        spec.process?.cwd = former.process?.cwd ?? "/"
        return spec
    }

    private func check() throws(ServiceError) {
        let hadTerminal = former.process?.terminal == true
        guard hadTerminal == (wanted.process?.terminal == true) else {
            throw Self.refused("its processes had \(hadTerminal ? "a" : "no") terminal")
        }
        let (before, now) = (Self.binds(former), Self.binds(wanted))
        if let place = before.subtracting(now).sorted().first {
            throw Self.refused("something was mounted at \"\(place)\", and the request mounts nothing there")
        }
        if let place = now.subtracting(before).sorted().first {
            throw Self.refused("the request mounts something at \"\(place)\", where nothing was mounted")
        }
        for (type, name) in [(LinuxNamespaceType.network, "network"), (.pid, "PID")] {
            let (had, has) = (Self.kind(of: type, former), Self.kind(of: type, wanted))
            guard had == has else {
                throw Self.refused("its \(name) namespace was \(had.rawValue), and would be \(has.rawValue)")
            }
        }
        for spec in [former, wanted] where Self.kind(of: .user, spec) != .node {
            throw Self.refused("criu cannot restore into the user namespace of a pod")
        }
    }

    private static func refused(_ cause: String) -> ServiceError {
        ServiceError(.invalid, "use checkpoint", nil, cause)
    }

    private static func binds(_ spec: Spec) -> Set<String> {
        Set((spec.mounts ?? []).filter { $0.type == "bind" }.map(\.destination))
    }

    private enum Kind: String {
        case node = "the node's"
        case own = "the container's own"
        case joined = "the pod's"
    }

    private static func kind(of type: LinuxNamespaceType, _ spec: Spec) -> Kind {
        guard let found = spec.linux?.namespaces?.first(where: { $0.type == type }) else { return .node }
        return found.path?.isEmpty ?? true ? .own : .joined
    }
}
