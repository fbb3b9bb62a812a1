// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct Info: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Print conditions, handlers and features of the engine.")

    @OptionGroup var document: DocumentOptions
    @Flag(name: .shortAndLong, help: "Leave out what the engine tells on top.")
    var quiet = false
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if document.output == .table { throw ValidationError("There is no table of this.") }
    }

    func run(_ engine: Engine) async throws {
        var request = Runtime_V1_StatusRequest()
        request.verbose = !quiet
        let response = try await engine.call("ask for status") { try await engine.runtime.status(request, options: $0) }
        let shape: JSON = .object([
            "status": Shapes.runtimeStatus, "runtimeHandlers": Shapes.runtimeHandlers, "features": Shapes.features,
        ])
        var answer = try ProtoJSON.value(response, shape: shape)
        answer["info"] = nil
        for (key, text) in response.info.sorted(by: { $0.key < $1.key }) {
            answer[key] = (try? JSONParser.parse(text.utf8)) ?? .string(text)
        }
        try document.print([answer])
    }
}
