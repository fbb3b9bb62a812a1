// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct StopPods: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "stopp", abstract: "Stop pods.")

    @Flag(name: .shortAndLong, help: "Stop all pods.")
    var all = false
    @Argument(help: "Ids of pods, or their beginnings.")
    var pods: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard all != pods.isEmpty else { return }
        throw ValidationError(all ? "Give either --all or ids." : "Give ids of pods, or --all.")
    }

    func run(_ engine: Engine) async throws {
        let ids = all ? try await engine.pods().filter { $0.state == .sandboxReady }.map(\.id) : pods
        try await forEach(ids) { text in
            let id = all ? text : try await engine.pod(text, for: "stop").id
            try await engine.stopPod(id)
            try Console.print("Stopped sandbox \(id)")
        }
    }
}

extension Engine {
    func stopPod(_ id: String) async throws {
        var request = Runtime_V1_StopPodSandboxRequest()
        request.podSandboxID = id
        _ = try await call("stop pod", id, patience: .work(0)) {
            try await runtime.stopPodSandbox(request, options: $0)
        }
    }
}
