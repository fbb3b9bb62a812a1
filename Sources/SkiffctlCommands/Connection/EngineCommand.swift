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
        let name = Self.configuration.commandName ?? "\(Self.self)".lowercased()
        let trace = try CommandTrace(settings.tracing, command: name)
        do {
            try await Engine.connect(settings, trace.map { [$0.interceptor] } ?? []) { try await command.run($0) }
        } catch {
            await trace?.end(error)
            throw error
        }
        await trace?.end(nil)
    }

    /// Does one thing to each, goes on after a failure and fails at the end.
    func forEach<Item>(_ items: [Item], _ body: (Item) async throws -> Void) async throws {
        if try await !allSucceed(items, body) { throw ExitCode.failure }
    }

    /// The same, and prints the documents that were made of them, before it fails.
    func forEach<Item>(
        _ items: [Item], printing options: DocumentOptions, _ body: (Item) async throws -> JSON?
    ) async throws {
        var documents: [JSON] = []
        let succeeded = try await allSucceed(items) { item in
            if let document = try await body(item) { documents.append(document) }
        }
        try options.print(documents, isList: items.count > 1)
        if !succeeded { throw ExitCode.failure }
    }

    /// Reports what failed; other errors than those of the engine end it.
    private func allSucceed<Item>(_ items: [Item], _ body: (Item) async throws -> Void) async throws -> Bool {
        var succeeded = true
        for item in items {
            do {
                try await body(item)
            } catch let error as CommandError {
                Console.report(error)
                succeeded = false
            }
        }
        return succeeded
    }
}
