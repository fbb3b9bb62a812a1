// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct ListContainers: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "ps", abstract: "List containers.")

    @Option(help: "Only the container with this id.")
    var id: String?
    @OptionGroup var choice: ContainerChoice
    @OptionGroup var list: ContainerListChoice
    @Flag(name: .shortAndLong, help: "Print ids only.")
    var quiet = false
    @Flag(help: "Print whole ids.")
    var noTrunc = false
    @Flag(name: .shortAndLong, help: "Print all of each container.")
    var verbose = false
    @Flag(
        name: [.customShort("r"), .long],
        help: "Print the name that an image has now, and not the one it was asked for by."
    )
    var resolveImagePath = false
    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let containers = try await find(engine)
        if output != .table {
            let items = try containers.map { try ProtoJSON.value($0, shape: Shapes.container) }
            return try output.print(.object(["containers": .array(items)]))
        }
        if quiet { return try containers.forEach { try Console.print($0.id) } }
        if verbose { return try containers.forEach(printAll) }
        let images = resolveImagePath ? try await imageNames(engine) : [:]
        try printTable(containers, try await podNames(containers, engine), images)
    }

    /// A pod or an image that is not there has no containers: a script may wait for just that.
    private func find(_ engine: Engine) async throws -> [Runtime_V1_Container] {
        do {
            return try await choice.containers(
                engine, id: id, state: list.state, namespace: list.namespace, all: list.all)
        } catch let error as CommandError where error.saysAbsent {
            return []
        }
    }

    /// Names and namespaces of pods by id.
    private func podNames(
        _ containers: [Runtime_V1_Container], _ engine: Engine
    ) async throws -> [String: Runtime_V1_PodSandboxMetadata] {
        if containers.isEmpty { return [:] }
        return Dictionary(try await engine.pods().map { ($0.id, $0.metadata) }) { first, _ in first }
    }

    /// The first name of each image by its id.
    private func imageNames(_ engine: Engine) async throws -> [String: String] {
        let named = try await engine.listImages().compactMap { image in
            (image.repoTags.first ?? image.repoDigests.first).map { (image.id, $0) }
        }
        return Dictionary(named) { first, _ in first }
    }

    private func printTable(
        _ containers: [Runtime_V1_Container], _ pods: [String: Runtime_V1_PodSandboxMetadata],
        _ images: [String: String]
    ) throws {
        var table = Table([
            "CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE",
        ])
        for container in containers {
            let pod = pods[container.podSandboxID]
            let image = images[container.imageID] ?? container.image.image
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
