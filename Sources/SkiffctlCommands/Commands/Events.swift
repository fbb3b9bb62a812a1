// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import GRPCCore

struct Events: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Print what happens to pods and containers, until interrupted.",
        discussion: "Without --follow each event is a document with the status of its pod and all containers.",
        aliases: ["event"])

    @Flag(name: .shortAndLong, help: "One short line for each event.")
    var follow = false
    @OptionGroup var document: DocumentOptions
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let isShort = follow || document.output == .table
        try await engine.call("listen for events", patience: .endless) { options in
            try await engine.runtime.getContainerEvents(Runtime_V1_GetEventsRequest(), options: options) { response in
                for try await event in response.messages {
                    if isShort {
                        try Console.print(Self.line(event))
                    } else {
                        try document.print([ProtoJSON.value(event, shape: Shapes.event)])
                    }
                }
            }
        }
    }

    /// `2026-01-02T03:04:05.6Z STARTED 0123456789abc web in shop/front`
    static func line(_ event: Runtime_V1_ContainerEventResponse) -> String {
        let kind =
            switch event.containerEventType {
            case .containerCreatedEvent: "CREATED"
            case .containerStartedEvent: "STARTED"
            case .containerStoppedEvent: "STOPPED"
            case .containerDeletedEvent: "DELETED"
            case .UNRECOGNIZED(let number): "EVENT \(number)"
            }
        let pod = event.podSandboxStatus
        let place = "\(pod.metadata.namespace)/\(pod.metadata.name)"
        let head = "\(Clock.text(event.createdAt)) \(kind) \(HumanUnits.shortID(event.containerID))"
        if event.containerID == pod.id { return "\(head) pod \(place)" }
        let container = event.containersStatuses.first { $0.id == event.containerID }
        return "\(head) \(container?.metadata.name ?? "container") in \(place)"
    }
}
