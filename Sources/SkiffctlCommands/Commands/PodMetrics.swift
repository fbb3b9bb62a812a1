// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct PodMetrics: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "metricsp", abstract: "Print the metrics of pods and their containers.")

    @Option(name: .shortAndLong, help: "Form of the output: json or yaml.")
    var output = OutputFormat.json
    @Flag(name: .shortAndLong, help: "Print again and again, until interrupted.")
    var watch = false
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        try await printOnce(engine)
        while watch {
            try await Task.sleep(for: .milliseconds(500))
            try await printOnce(engine)
        }
    }

    private func printOnce(_ engine: Engine) async throws {
        let response = try await engine.call("list metrics of pods") {
            try await engine.runtime.listPodSandboxMetrics(Runtime_V1_ListPodSandboxMetricsRequest(), options: $0)
        }
        try output.print(ProtoJSON.value(response, shape: Shapes.podMetrics))
    }
}

struct MetricDescriptors: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "metricdescs", abstract: "Print names, meanings and labels of all metrics.")

    @Option(name: .shortAndLong, help: "Form of the output: json or yaml.")
    var output = OutputFormat.json
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let response = try await engine.call("list metrics") {
            try await engine.runtime.listMetricDescriptors(Runtime_V1_ListMetricDescriptorsRequest(), options: $0)
        }
        try output.print(ProtoJSON.value(response, shape: Shapes.metricDescriptors))
    }
}
