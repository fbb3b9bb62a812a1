// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIService
import EngineConfiguration
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
        let located = try Programs.locate(config)
        var log = Logger(label: "skiffd") { StreamLogHandler.standardError(label: $0) }
        log.logLevel = Logger.Level(rawValue: config.logLevel.rawValue) ?? .info
        let engine = try await Engine.start(located, log: log)
        try await engine.startStreaming()
        try await Server(engine: engine, path: located.api.listen, log: log).run()
    }
}
