// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct RunPod: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "runp", abstract: "Create and start a pod, and print its id.")

    @Option(name: .shortAndLong, help: "Runtime handler.")
    var runtime = ""
    @Argument(help: "File that describes the pod.", completion: .file())
    var podConfig: String
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        try Console.print(try await engine.runPod(ConfigFile.pod(podConfig), handler: runtime))
    }
}

extension Engine {
    /// Returns the id of the new pod.
    func runPod(_ config: Runtime_V1_PodSandboxConfig, handler: String) async throws -> String {
        var request = Runtime_V1_RunPodSandboxRequest()
        request.config = config
        request.runtimeHandler = handler
        return try await call("run pod", config.metadata.name, patience: .work(0)) {
            try await runtime.runPodSandbox(request, options: $0).podSandboxID
        }
    }
}
