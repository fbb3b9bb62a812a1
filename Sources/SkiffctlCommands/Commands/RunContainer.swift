// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct RunContainer: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Create a pod with one container, start it and print the container's id.")

    @Option(name: .shortAndLong, help: "Runtime handler.")
    var runtime = ""
    @Flag(help: "Do not pull the image.")
    var noPull = false
    @Flag(help: "Pull the image first, also if the settings file says otherwise.")
    var withPull = false
    @Argument(help: "File that describes the container.", completion: .file())
    var containerConfig: String
    @Argument(help: "File that describes the pod.", completion: .file())
    var podConfig: String
    @OptionGroup var credentials: CredentialOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if noPull, withPull { throw ValidationError("Give either --no-pull or --with-pull.") }
    }

    func run(_ engine: Engine) async throws {
        let container = try ConfigFile.container(containerConfig)
        let sandbox = try ConfigFile.pod(podConfig)
        if withPull || (engine.settings.pullOnRun && !noPull) {
            _ = try await engine.pull(container.image, credentials.config(), sandbox)
        }
        let pod = try await engine.runPod(sandbox, handler: runtime)
        do {
            let id = try await engine.createContainer(container, in: pod, sandbox)
            try await engine.startContainer(id)
            try Console.print(id)
        } catch {
            // Nobody knows the id of the pod but this command.
            do {
                try await engine.stopPod(pod)
                try await engine.removePod(pod)
            } catch {
                Console.report(error)
            }
            throw error
        }
    }
}
