// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

/// Options that choose among pods.
struct PodChoice: ParsableArguments {
    enum State: String, ExpressibleByArgument, CaseIterable {
        case ready, notready

        /// In any case of the letters, as crictl takes it.
        init?(argument: String) { self.init(rawValue: argument.lowercased()) }
    }

    @Option(help: "Only pods whose name matches this regular expression.")
    var name: String?
    @Option(help: "Only pods whose namespace matches this regular expression.")
    var namespace: String?
    @Option(help: "Only pods with this label, key=value; may be repeated.")
    var label: [String] = []
    @Option(name: .shortAndLong, help: "Only pods in this state: ready or notready.")
    var state: State?
    @Flag(name: .shortAndLong, help: "Only the pod that was created last.")
    var latest = false
    @Option(name: [.customShort("n"), .long], help: "Only so many pods that were created last; 0 is all.")
    var last: Int?

    /// Whether any of them was given.
    var isGiven: Bool {
        name != nil || namespace != nil || !label.isEmpty || state != nil || latest || last != nil
    }

    func validate() throws {
        _ = try ListFilter.labels(label)
        _ = try ListFilter.pattern(name)
        _ = try ListFilter.pattern(namespace)
        if let last, last < 0 { throw ValidationError("The number must not be negative.") }
    }

    /// Those that are chosen, newest first.
    func pods(_ engine: Engine, id: String? = nil) async throws -> [Runtime_V1_PodSandbox] {
        var filter = Runtime_V1_PodSandboxFilter()
        filter.id = id ?? ""
        filter.labelSelector = try ListFilter.labels(label)
        if let state { filter.state.state = state == .ready ? .sandboxReady : .sandboxNotready }
        let nameMatches = try ListFilter.pattern(name)
        let namespaceMatches = try ListFilter.pattern(namespace)
        let pods = try await engine.pods(filter).filter {
            nameMatches($0.metadata.name) && namespaceMatches($0.metadata.namespace)
        }
        return ListFilter.newest(pods, count: latest ? 1 : last) { $0.createdAt }
    }
}
