// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct Top: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Watch what containers use, the busiest first, until interrupted.")

    @Option(name: .shortAndLong, help: "Seconds between two tables.")
    var seconds: Int64 = 2
    @Option(name: [.customShort("n"), .long], help: "Print so many tables and end; 0 is for ever.")
    var count = 0
    @Option(name: .shortAndLong, help: "Only containers of the pod with this id, or beginning of it.")
    var pod: String?
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if seconds < 1 { throw ValidationError("The time must be at least a second.") }
        if count < 0 { throw ValidationError("The number must not be negative.") }
    }

    func run(_ engine: Engine) async throws {
        var filter = Runtime_V1_PodSandboxStatsFilter()
        if let pod { filter.id = try await engine.pod(pod, for: "find").id }
        var before = try await engine.podStats(filter)
        var printed = 0
        while count == 0 || printed < count {
            try await Task.sleep(for: .seconds(seconds))
            let now = try await engine.podStats(filter)
            try Console.clearTerminal()
            for line in Self.table(now, before) { try Console.print(line) }
            before = now
            printed += 1
        }
    }

    /// One line for each container, the one with the most CPU first.
    static func table(_ now: [Runtime_V1_PodSandboxStats], _ before: [Runtime_V1_PodSandboxStats]) -> [String] {
        let earlier = Dictionary(before.flatMap(\.linux.containers).map { ($0.attributes.id, $0.cpu) }) { first, _ in
            first
        }
        let rows = now.flatMap { pod in pod.linux.containers.map { (pod, $0) } }
            .map { pod, item in (pod, item, CPUShare.percent(item.cpu, since: earlier[item.attributes.id])) }
            .sorted { ($1.2, $0.1.attributes.id) < ($0.2, $1.1.attributes.id) }
        var table = Table(["CONTAINER", "NAME", "POD", "CPU %", "MEM", "DISK", "NET RX", "NET TX"])
        for (pod, item, _) in rows {
            let network = pod.linux.network.defaultInterface
            table.append([
                HumanUnits.shortID(item.attributes.id), item.attributes.metadata.name,
                "\(pod.attributes.metadata.namespace)/\(pod.attributes.metadata.name)",
                CPUShare.text(item.cpu, since: earlier[item.attributes.id]),
                HumanUnits.size(item.memory.workingSetBytes.value), HumanUnits.size(item.writableLayer.usedBytes.value),
                HumanUnits.size(network.rxBytes.value), HumanUnits.size(network.txBytes.value),
            ])
        }
        return table.lines
    }
}
