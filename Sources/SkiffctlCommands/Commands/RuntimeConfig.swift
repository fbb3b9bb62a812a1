// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct RuntimeConfig: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "runtime-config", abstract: "Print what kubelet adapts to.")

    @Option(name: .shortAndLong, help: "Form of the output: table, json or yaml.")
    var output = OutputFormat.table
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        let response = try await engine.call("ask for configuration") {
            try await engine.runtime.runtimeConfig(Runtime_V1_RuntimeConfigRequest(), options: $0)
        }
        guard output != .table else {
            let driver = response.linux.cgroupDriver == .systemd ? "SYSTEMD" : "CGROUPFS"
            return try Console.print("cgroup driver:   " + driver)
        }
        try output.print(ProtoJSON.value(response, shape: .object(["linux": .object(["cgroupDriver": "SYSTEMD"])])))
    }
}

struct UpdateRuntimeConfig: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "update-runtime-config", abstract: "Tell the engine which addresses the node has for its pods.")

    @Option(
        name: [.customShort("p"), .customLong("pod-cidr")],
        help: "Range of addresses, or two with a comma between them.")
    var podCIDR: String
    @OptionGroup var global: GlobalOptions

    func run(_ engine: Engine) async throws {
        var request = Runtime_V1_UpdateRuntimeConfigRequest()
        request.runtimeConfig.networkConfig.podCidr = podCIDR
        _ = try await engine.call("update network", podCIDR, patience: .work(0)) {
            try await engine.runtime.updateRuntimeConfig(request, options: $0)
        }
    }
}
