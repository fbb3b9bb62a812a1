// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

/// Options that choose among containers, of every command that does.
struct ContainerChoice: ParsableArguments {
    @Option(help: "Only containers of this image: name, id or the beginning of the id.")
    var image: String?
    @Option(name: .shortAndLong, help: "Only containers of the pod with this id, or beginning of it.")
    var pod: String?
    @Option(help: "Only containers whose name matches this regular expression.")
    var name: String?
    @Option(help: "Only containers with this label, key=value; may be repeated.")
    var label: [String] = []
    @Flag(name: .shortAndLong, help: "Only the container that was created last, in any state.")
    var latest = false
    @Option(name: [.customShort("n"), .long], help: "Only so many that were created last, in any state; 0 is all.")
    var last: Int?

    /// Whether any of them was given.
    var isGiven: Bool {
        image != nil || pod != nil || name != nil || !label.isEmpty || latest || last != nil
    }

    func validate() throws {
        _ = try ListFilter.labels(label)
        _ = try ListFilter.pattern(name)
        if let last, last < 0 { throw ValidationError("The number must not be negative.") }
    }

    /// Those that are chosen, newest first. Without a state, `all` or a number they are the running ones.
    func containers(
        _ engine: Engine, id: String? = nil, state: String? = nil, namespace: String? = nil, all: Bool = false
    ) async throws -> [Runtime_V1_Container] {
        var filter = Runtime_V1_ContainerFilter()
        filter.id = id ?? ""
        filter.labelSelector = try ListFilter.labels(label)
        if let state {
            filter.state.state = try ContainerStateName.parse(state)
        } else if !all, !latest, last == nil {
            filter.state.state = .containerRunning
        }
        if let pod { filter.podSandboxID = try await engine.pod(pod, for: "find").id }
        let nameMatches = try ListFilter.pattern(name)
        let imageMatches = try await imageFilter(engine)
        let podMatches = try await namespaceFilter(namespace, engine)
        let containers = try await engine.containers(filter).filter {
            nameMatches($0.metadata.name) && imageMatches($0) && podMatches($0.podSandboxID)
        }
        return ListFilter.newest(containers, count: latest ? 1 : last) { $0.createdAt }
    }

    /// Throws when there is none.
    static func ids(
        _ containers: [Runtime_V1_Container], for operation: String
    ) throws(CommandError) -> [String] {
        guard !containers.isEmpty else {
            throw CommandError(operation + " containers", nil, "none is chosen by these options")
        }
        return containers.map(\.id)
    }

    /// The engine knows which image a name means; a container may have been created by another name of it.
    private func imageFilter(_ engine: Engine) async throws -> (Runtime_V1_Container) -> Bool {
        guard let image else { return { _ in true } }
        let status = try await engine.imageStatus(image, for: "find")
        let names = Set([image, status.id] + status.repoTags + status.repoDigests)
        return { !names.isDisjoint(with: [$0.imageID, $0.imageRef, $0.image.image]) }
    }

    private func namespaceFilter(_ namespace: String?, _ engine: Engine) async throws -> (String) -> Bool {
        guard let namespace else { return { _ in true } }
        let matches = try ListFilter.pattern(namespace)
        let pods = Set(try await engine.pods().filter { matches($0.metadata.namespace) }.map(\.id))
        return { pods.contains($0) }
    }
}

/// What `ps` and `inspect` choose by on top.
struct ContainerListChoice: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Containers in any state, not only running ones.")
    var all = false
    @Option(name: .shortAndLong, help: "Only containers in this state: created, running, exited or unknown.")
    var state: String?
    @Option(help: "Only containers of pods whose namespace matches this regular expression.")
    var namespace: String?

    var isGiven: Bool { all || state != nil || namespace != nil }

    func validate() throws {
        _ = try state.map(ContainerStateName.parse)
        _ = try ListFilter.pattern(namespace)
    }
}
