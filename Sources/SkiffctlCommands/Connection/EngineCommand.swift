// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import FoundationEssentials

/// A command that needs the engine.
protocol EngineCommand: AsyncParsableCommand {
    var global: GlobalOptions { get }
    func run(_ engine: Engine) async throws
}

extension EngineCommand {
    mutating func run() async throws {
        let command = self
        let settings = try Settings(global, environment: ProcessInfo.processInfo.environment)
        try await Engine.connect(settings) { try await command.run($0) }
    }

    /// Does one thing to each, goes on after a failure and fails at the end.
    func forEach<Item>(_ items: [Item], _ body: (Item) async throws -> Void) async throws {
        var failed = false
        for item in items {
            do {
                try await body(item)
            } catch let error as CommandError {
                Console.report(error)
                failed = true
            }
        }
        if failed { throw ExitCode.failure }
    }
}
