// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct ListContainers: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "ps", abstract: "List containers.")

    @Flag(name: .shortAndLong, help: "Containers in any state, not only running ones.")
    var all = false
    @Option(help: "Only the container with this id.")
    var id: String?
    @Option(help: "Only containers of this image: name, id or the beginning of the id.")
    var image: String?
    @Option(name: .shortAndLong, help: "Only containers of the pod with this id, or beginning of it.")
    var pod: String?
    @Option(help: "Only containers whose name matches this regular expression.")
    var name: String?
    @Option(help: "Only containers with this label, key=value; may be repeated.")
    var label: [String] = []
    @Option(name: .shortAndLong, help: "Only containers in this state: created, running, exited or unknown.")
    var state: String?
    @Flag(name: .shortAndLong, help: "Only the container that was created last, in any state.")
    var latest = false
    @Option(name: [.customShort("n"), .long], help: "Only so many that were created last, in any state; 0 is all.")
    var last: Int?
    @Flag(name: .shortAndLong, help: "Print ids only.")
    var quiet = false
    @Flag(help: "Print whole ids.")
    var noTrunc = false
    @Flag(name: .shortAndLong, help: "Print all of each container.")
    var verbose = false
    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let containers = try await chosen(engine)
        if output != .table {
            let items = try containers.map { try ProtoJSON.value($0, shape: Shapes.container) }
            return try output.print(.object(["containers": .array(items)]))
        }
        if quiet { return try containers.forEach { try Console.print($0.id) } }
        if verbose { return try containers.forEach(printAll) }
        try printTable(containers, try await podNames(containers, engine))
    }

    private func chosen(_ engine: Engine) async throws -> [Runtime_V1_Container] {
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
        let containers = try await engine.containers(filter).filter {
            nameMatches($0.metadata.name) && imageMatches($0)
        }
        return ListFilter.newest(containers, count: latest ? 1 : last) { $0.createdAt }
    }

    /// The engine knows which image a name means; a container may have been created by another name of it.
    private func imageFilter(_ engine: Engine) async throws -> (Runtime_V1_Container) -> Bool {
        guard let image else { return { _ in true } }
        let status = try await engine.imageStatus(image, for: "find")
        let names = Set([image, status.id] + status.repoTags + status.repoDigests)
        return { !names.isDisjoint(with: [$0.imageID, $0.imageRef, $0.image.image]) }
    }

    /// Names and namespaces of pods by id.
    private func podNames(
        _ containers: [Runtime_V1_Container], _ engine: Engine
    ) async throws -> [String: Runtime_V1_PodSandboxMetadata] {
        if containers.isEmpty { return [:] }
        return Dictionary(try await engine.pods().map { ($0.id, $0.metadata) }) { first, _ in first }
    }

    private func printTable(
        _ containers: [Runtime_V1_Container], _ pods: [String: Runtime_V1_PodSandboxMetadata]
    ) throws {
        var table = Table([
            "CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE",
        ])
        for container in containers {
            let pod = pods[container.podSandboxID]
            let image = container.image.image
            table.append([
                noTrunc ? container.id : HumanUnits.shortID(container.id),
                image.hasPrefix("sha256:") && !noTrunc ? HumanUnits.shortID(image) : image,
                HumanUnits.age(of: container.createdAt, now: Clock.now), ContainerStateName.text(container.state),
                container.metadata.name, String(container.metadata.attempt),
                noTrunc ? container.podSandboxID : HumanUnits.shortID(container.podSandboxID),
                pod?.name ?? "unknown", pod?.namespace ?? "unknown",
            ])
        }
        try table.print()
    }

    private func printAll(_ container: Runtime_V1_Container) throws {
        var details = Details()
        details.add("ID", container.id)
        details.add("PodID", container.podSandboxID)
        details.add("Name", container.metadata.name)
        details.add("Attempt", String(container.metadata.attempt))
        details.add("State", ContainerStateName.text(container.state))
        details.add("Created", Clock.text(container.createdAt))
        details.add("Image", container.image.image)
        details.add("Image ID", container.imageID)
        details.add("Labels", container.labels)
        details.add("Annotations", container.annotations)
        try details.print()
    }
}
