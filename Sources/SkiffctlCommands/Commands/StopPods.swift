// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct StopPods: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "stopp", abstract: "Stop pods.")

    @Argument(help: "Ids of pods, or their beginnings.")
    var pods: [String]
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        try await forEach(pods) { text in
            let pod = try await engine.pod(text, for: "stop")
            try await engine.stopPod(pod.id)
            try Console.print("Stopped sandbox \(pod.id)")
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
