// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import TraceExport
import Traces

/// Options of every command.
struct GlobalOptions: ParsableArguments {
    @Option(name: .customLong("runtime-endpoint"), help: "Socket of the runtime service.")
    var runtimeEndpoint: String?

    @Option(name: .customLong("image-endpoint"), help: "Socket of the image service, if it is another one.")
    var imageEndpoint: String?

    @Option(name: .customLong("request-timeout"), help: "Time limit of one request, such as 10s.")
    var requestTimeout: TimeSpan?

    @Flag(name: .customLong("debug"), help: "Print each request with its time.")
    var debug = false

    @Option(name: .customLong("config"), help: "Settings file.")
    var config: String?

    @Flag(name: .customLong("enable-tracing"), help: "Send spans of the command and its requests to a collector.")
    var enableTracing = false

    @Option(name: .customLong("tracing-endpoint"), help: "Collector that takes OTLP over gRPC.")
    var tracingEndpoint = CollectorAddress.standard

    @Option(
        name: .customLong("tracing-sampling-rate-per-million"), parsing: .unconditional,
        help: "Of a million commands, so many are traced; -1 for all.")
    var tracingSamples = -1

    /// nil when nothing is traced.
    var tracing: CommandTrace.Wish? {
        get throws(CommandError) {
            guard enableTracing else { return nil }
            guard let collector = CollectorAddress(tracingEndpoint) else {
                throw CommandError("read tracing endpoint", tracingEndpoint, "not HOST:PORT or a socket's path")
            }
            let samples = tracingSamples < 0 ? 1_000_000 : tracingSamples
            return CommandTrace.Wish(collector: collector, sampler: TraceSampler(perMillion: samples))
        }
    }

    /// The settings file that was asked for, by option or else by the environment.
    func settingsFile(_ environment: [String: String]) -> String? { config ?? environment["CRI_CONFIG_FILE"] }
}
