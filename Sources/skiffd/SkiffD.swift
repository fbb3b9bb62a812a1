// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIService
import EngineConfiguration
import Linux
import Logging

/// The program `skiffd`.
@main
struct SkiffD: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skiffd", abstract: "The container engine: serves the Kubernetes Container Runtime Interface.",
        version: Engine.version, subcommands: [ConfigCommand.self])

    @OptionGroup var settings: SettingsOptions

    /// Signals are blocked before the first thread is started, so that they all are, and end as readable events.
    static func main() async {
        do {
            try SignalSet([.terminate, .interrupt]).block()
            try Signal.pipe.ignore()
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }

    func run() async throws {
        let config = try settings.load()
        let located = try Programs.locate(config)
        var log = Logger(label: "skiffd") { StreamLogHandler.standardError(label: $0) }
        log.logLevel = Logger.Level(rawValue: config.logLevel.rawValue) ?? .info
        let engine = try await Engine.start(located, log: log)
        try await Server(engine: engine, path: located.api.listen, log: log).run()
    }
}
