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
    @Flag(help: "Do not pull the image.")
    var noPull = false
    @Flag(help: "Pull the image first.")
    var withPull = false
    @OptionGroup var credentials: CredentialOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if noPull, withPull { throw ValidationError("Give either --no-pull or --with-pull.") }
    }

    func run(_ engine: Engine) async throws {
        let container = try ConfigFile.container(containerConfig)
        let sandbox = try ConfigFile.pod(podConfig)
        let pod = try await engine.pod(pod, for: "find")
        if withPull || (engine.settings.pullOnCreate && !noPull) {
            _ = try await engine.pull(container.image, credentials.config(), sandbox)
        }
        try Console.print(try await engine.createContainer(container, in: pod.id, sandbox))
    }
}

extension Engine {
    /// Returns the id of the new container.
    func createContainer(
        _ config: Runtime_V1_ContainerConfig, in pod: String, _ sandbox: Runtime_V1_PodSandboxConfig
    ) async throws -> String {
        var request = Runtime_V1_CreateContainerRequest()
        request.podSandboxID = pod
        request.config = config
        request.sandboxConfig = sandbox
        return try await call("create container", config.metadata.name, patience: .work(0)) {
            try await runtime.createContainer(request, options: $0).containerID
        }
    }
}
