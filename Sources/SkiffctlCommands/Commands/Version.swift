// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct Version: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print name and version of the engine.")

    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let version = try await engine.version()
        if output != .table { return try output.print(ProtoJSON.value(version, shape: Shapes.version)) }
        try Console.print("Version:  \(version.version)")
        try Console.print("RuntimeName:  \(version.runtimeName)")
        try Console.print("RuntimeVersion:  \(version.runtimeVersion)")
        try Console.print("RuntimeApiVersion:  \(version.runtimeApiVersion)")
    }
}

extension Engine {
    func version() async throws -> Runtime_V1_VersionResponse {
        try await call("ask for version") { try await runtime.version(Runtime_V1_VersionRequest(), options: $0) }
    }
}
