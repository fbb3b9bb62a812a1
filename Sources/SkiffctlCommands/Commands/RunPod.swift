// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import FoundationEssentials

struct RunPod: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "runp", abstract: "Create and start a pod, and print its id.")

    @Option(name: .shortAndLong, help: "Runtime handler.")
    var runtime = ""
    @Argument(help: "File that describes the pod.", completion: .file())
    var podConfig: String
    @OptionGroup var limit: CancelTimeout
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let config = try ConfigFile.pod(podConfig)
        try Console.print(try await engine.runPod(config, handler: runtime, patience: limit.patience))
    }
}

extension Engine {
    /// Returns the id of the new pod. One whose file has no "uid" is another one each time.
    func runPod(
        _ config: Runtime_V1_PodSandboxConfig, handler: String, patience: Patience
    ) async throws -> String {
        var request = Runtime_V1_RunPodSandboxRequest()
        request.config = config
        if config.metadata.uid.isEmpty { request.config.metadata.uid = UUID().uuidString.lowercased() }
        request.runtimeHandler = handler
        return try await call("run pod", config.metadata.name, patience: patience) {
            try await runtime.runPodSandbox(request, options: $0).podSandboxID
        }
    }
}
