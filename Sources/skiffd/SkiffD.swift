// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIService
import EngineConfiguration
import FoundationEssentials
import Linux
import Logging

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
        let options = settings
        let server = Server(
            engine: engine, path: located.api.listen, messageLimit: located.api.messageLimit, log: log,
            reload: {
                let located = try Programs.locate(try options.load(), log: log)
                try engine.reload(located)
                try Self.chooseLog(located)
            },
            manager: ServiceManager(
                environment: ProcessInfo.processInfo.environment, processID: Syscall.processID))
        try await server.run()
    }

    private static func chooseLog(_ config: DaemonConfig) throws {
        LeveledLog.choice = LeveledLog.Choice(
            level: Logger.Level(rawValue: config.logLevel.rawValue) ?? .info,
            filter: config.logFilter.isEmpty ? nil : try RegularExpression(config.logFilter))
    }
}
