// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct CreateContainer: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create a container in a pod, and print its id.")

    @Argument(help: "Id of the pod, or its beginning.")
    var pod: String
    @Argument(help: "File that describes the container.", completion: .file())
    var containerConfig: String
    @Argument(help: "File that describes the pod.", completion: .file())
    var podConfig: String
    @OptionGroup var pull: PullOptions
    @OptionGroup var limit: CancelTimeout
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let container = try ConfigFile.container(containerConfig)
        let sandbox = try ConfigFile.pod(podConfig)
        let pod = try await engine.pod(pod, for: "find")
        if pull.pulls(usually: engine.settings.pullOnCreate) {
            try await engine.pull(for: container, pull, sandbox)
        }
        try Console.print(try await engine.createContainer(container, in: pod.id, sandbox, patience: limit.patience))
    }
}

extension Engine {
    /// Returns the id of the new container.
    func createContainer(
        _ config: Runtime_V1_ContainerConfig, in pod: String, _ sandbox: Runtime_V1_PodSandboxConfig,
        patience: Patience
    ) async throws -> String {
        var request = Runtime_V1_CreateContainerRequest()
        request.podSandboxID = pod
        request.config = config
        request.sandboxConfig = sandbox
        return try await call("create container", config.metadata.name, patience: patience) {
            try await runtime.createContainer(request, options: $0).containerID
        }
    }
}
