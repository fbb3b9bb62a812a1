// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import Linux

struct RunContainer: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Create a pod with one container, start it and print the container's id.",
        usage: """
            skiffctl run [<options>] <container-config> <pod-config>
            skiffctl run [<options>] <image> [<command> ...]
            """,
        discussion: "Options stand before the first of these words.")

    @Option(name: .shortAndLong, help: "Runtime handler.")
    var runtime = ""
    @Option(help: "Name of pod and container, without files. Default: made from the image's.")
    var name: String?
    @Option(name: .shortAndLong, help: "Variable NAME=value of the container, without files; may be repeated.")
    var env: [String] = []
    @Option(
        name: [.customShort("p"), .long],
        help: "Port [ADDRESS:]HOSTPORT:PORT[/udp|sctp], without files; may be repeated.")
    var publish: [String] = []
    @Option(help: "Folder of the container's log, without files. Default: one that goes with the pod.")
    var logDirectory: String?
    @Argument(
        parsing: .captureForPassthrough,
        help: "Files that describe the container and the pod, or an image and a command.",
        completion: .file())
    var arguments: [String]
    @OptionGroup var pull: PullOptions
    @OptionGroup var limit: CancelTimeout
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard let first = arguments.first else { throw ValidationError("Give two files, or an image.") }
        if Self.isFile(first) {
            guard arguments.count == 2 else { throw ValidationError("Give the container's file and the pod's.") }
            if name != nil || !env.isEmpty || !publish.isEmpty {
                throw ValidationError("--name, --env and --publish are for an image without files.")
            }
        }
    }

    /// No image has a path that leads through the file system, or the ending of such a file.
    private static func isFile(_ text: String) -> Bool {
        text.hasPrefix("/") || text.hasPrefix(".") || [".json", ".yaml", ".yml"].contains { text.hasSuffix($0) }
            || (!text.contains("/") && !text.contains(":") && Syscall.exists(text))
    }

    private func configs(
        _ engine: Engine
    ) async throws -> (Runtime_V1_ContainerConfig, Runtime_V1_PodSandboxConfig) {
        let first = arguments[0]
        if Self.isFile(first) { return (try ConfigFile.container(first), try ConfigFile.pod(arguments[1])) }
        let name = name ?? QuickRun.name(first)
        let command = arguments.dropFirst()
        var logs = logDirectory
        if logs == nil { logs = QuickRun.logDirectory(of: name, on: try await engine.version().runtimeName) }
        return (
            try QuickRun.container(
                name, image: first, command: command.first == "--" ? Array(command.dropFirst()) : Array(command),
                environment: env), QuickRun.pod(name, ports: try publish.map(QuickRun.port), logs: logs ?? "")
        )
    }

    func run(_ engine: Engine) async throws {
        let (container, sandbox) = try await configs(engine)
        if pull.pulls(usually: engine.settings.pullOnRun) {
            try await engine.pull(for: container, pull, sandbox)
        }
        let pod = try await engine.runPod(sandbox, handler: runtime, patience: limit.patience)
        do {
            let id = try await engine.createContainer(container, in: pod, sandbox, patience: limit.patience)
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
