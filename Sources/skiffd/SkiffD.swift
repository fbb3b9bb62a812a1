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
        let located = try Programs.locate(try settings.load())
        LeveledLog.level = Self.level(located)
        let log = Logger(label: "skiffd") { LeveledLog(StreamLogHandler.standardError(label: $0)) }
        let engine = try await Engine.start(located, log: log)
        try await engine.startStreaming()
        await engine.startDocuments()
        let options = settings
        let server = Server(
            engine: engine, path: located.api.listen, messageLimit: located.api.messageLimit, log: log,
            reload: {
                let located = try Programs.locate(try options.load())
                try engine.reload(located)
                LeveledLog.level = Self.level(located)
            },
            manager: ServiceManager(
                environment: ProcessInfo.processInfo.environment, processID: Syscall.processID))
        try await server.run()
    }

    private static func level(_ config: DaemonConfig) -> Logger.Level {
        Logger.Level(rawValue: config.logLevel.rawValue) ?? .info
    }
}
