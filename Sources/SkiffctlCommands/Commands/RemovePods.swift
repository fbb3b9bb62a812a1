// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct RemovePods: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "rmp", abstract: "Remove pods.")

    @Flag(name: .shortAndLong, help: "Stop a pod first that is ready.")
    var force = false
    @Flag(name: .shortAndLong, help: "Remove all pods.")
    var all = false
    @Argument(help: "Ids of pods, or their beginnings.")
    var pods: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard all != pods.isEmpty else { return }
        throw ValidationError(all ? "Give either --all or ids." : "Give ids of pods, or --all.")
    }

    func run(_ engine: Engine) async throws {
        if all {
            try await forEach(try await engine.pods()) { try await remove($0, engine) }
        } else {
            try await forEach(pods) { try await remove(try await engine.pod($0, for: "remove"), engine) }
        }
    }

    private func remove(_ pod: Runtime_V1_PodSandbox, _ engine: Engine) async throws {
        if pod.state == .sandboxReady {
            guard force else {
                throw CommandError("remove pod", pod.id, "it is ready: stop it first, or use --force")
            }
            try await engine.stopPod(pod.id)
            try Console.print("Stopped sandbox \(pod.id)")
        }
        try await engine.removePod(pod.id)
        try Console.print("Removed sandbox \(pod.id)")
    }
}

extension Engine {
    func removePod(_ id: String) async throws {
        var request = Runtime_V1_RemovePodSandboxRequest()
        request.podSandboxID = id
        _ = try await call("remove pod", id, patience: .work(0)) {
            try await runtime.removePodSandbox(request, options: $0)
        }
    }
}
