// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct ReopenLogs: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "reopen-logs",
        abstract: "Have containers go on in new log files.",
        discussion: "For a program that rotates logs: rename the file, then reopen. Nothing is lost in between.")

    @Argument(help: "Ids of running containers, or their beginnings.")
    var containers: [String]
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        try await forEach(containers) { text in
            let id = try await engine.container(text, for: "reopen log of").id
            try await engine.reopenLog(of: id)
            try Console.print(id)
        }
    }
}

extension Engine {
    func reopenLog(of id: String) async throws {
        var request = Runtime_V1_ReopenContainerLogRequest()
        request.containerID = id
        _ = try await call("reopen log of container", id) {
            try await runtime.reopenContainerLog(request, options: $0)
        }
    }
}
