// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIService
import EngineConfiguration
import FoundationEssentials
import Linux
import Logging
import TraceExport
import Traces

/// The command line of `skiffd`.
struct SkiffD: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skiffd", abstract: "The container engine: serves the Kubernetes Container Runtime Interface.",
        version: Engine.version, subcommands: [ConfigCommand.self])

    @OptionGroup var settings: SettingsOptions

    func run() async throws {
        let config = try settings.load()
        try Self.chooseLog(config)
        let log = Logger(label: "skiffd") { LeveledLog(StreamLogHandler.standardError(label: $0)) }
        let located = try Programs.locate(config, log: log)
        let engine = try await Engine.start(located, log: log)
        try await engine.startStreaming()
        await engine.startDocuments()
        let exporter = try startTracing(engine, to: located.tracing.endpoint, log)
        let options = settings
        let server = Server(
            engine: engine, path: located.api.listen, messageLimit: located.api.messageLimit, log: log,
            reload: {
                let located = try Programs.locate(try options.load(), log: log)
                try engine.reload(located)
                try Self.chooseLog(located)
            },
            manager: ServiceManager(
                environment: ProcessInfo.processInfo.environment, processID: Syscall.processID),
            exporter: exporter)
        try await server.run()
    }

    /// nil when nothing is traced.
    private func startTracing(_ engine: Engine, to endpoint: String, _ log: Logger) throws -> SpanExporter? {
        guard let tracer = engine.tracer, let address = CollectorAddress(endpoint) else { return nil }
        // The kernel always has the file, even if with an empty line.
        let hostName = String(try Syscall.readText("/proc/sys/kernel/hostname").prefix { $0 != "\n" })
        let exporter = try SpanExporter(
            tracer.spans, to: address,
            resource: [
                .init("service.name", "skiffd"), .init("service.version", Engine.version),
                .init("host.name", hostName), .init("process.pid", Int64(Syscall.processID)),
            ]
        ) { log.warning("tracing: \($0)") }
        exporter.start()
        return exporter
    }

    private static func chooseLog(_ config: DaemonConfig) throws {
        LeveledLog.choice = LeveledLog.Choice(
            level: Logger.Level(rawValue: config.logLevel.rawValue) ?? .info,
            filter: config.logFilter.isEmpty ? nil : try RegularExpression(config.logFilter))
    }
}
