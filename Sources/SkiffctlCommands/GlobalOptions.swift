// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

/// Options of every command.
struct GlobalOptions: ParsableArguments {
    @Option(name: .customLong("runtime-endpoint"), help: "Socket of the runtime service.")
    var runtimeEndpoint: String?

    @Option(name: .customLong("image-endpoint"), help: "Socket of the image service, if it is another one.")
    var imageEndpoint: String?

    @Option(name: .customLong("request-timeout"), help: "Time limit of one request, such as 10s.")
    var requestTimeout: TimeSpan?

    @Flag(name: .customLong("debug"), help: "Print each request with its time.")
    var debug = false

    @Option(name: .customLong("config"), help: "Settings file.")
    var config: String?

    /// The settings file that was asked for, by option or else by the environment.
    func settingsFile(_ environment: [String: String]) -> String? { config ?? environment["CRI_CONFIG_FILE"] }
}
