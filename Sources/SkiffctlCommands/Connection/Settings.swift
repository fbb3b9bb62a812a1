// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Where the engine is and how long to wait for it: command line, then environment, then settings file.
struct Settings: Sendable {
    var runtime: Endpoint
    var image: Endpoint
    /// Time limit of a request; nil leaves it to the command.
    var timeout: Duration?
    var debug: Bool
    var pullOnCreate: Bool
    var pullOnRun: Bool
    /// nil when nothing is traced.
    var tracing: CommandTrace.Wish?

    init(_ options: GlobalOptions, environment: [String: String]) throws {
        let file = try SettingsFile.load(options.settingsFile(environment))
        let runtime =
            options.runtimeEndpoint ?? environment["CONTAINER_RUNTIME_ENDPOINT"] ?? file.runtimeEndpoint
            ?? Endpoint.standard
        let image =
            options.imageEndpoint ?? environment["IMAGE_SERVICE_ENDPOINT"] ?? file.imageEndpoint ?? runtime
        self.runtime = try Endpoint(runtime)
        self.image = try Endpoint(image)
        timeout = (options.requestTimeout ?? file.timeout)?.duration
        // Zero is how crictl's file says "not set".
        if timeout == .zero { timeout = nil }
        debug = options.debug || file.debug
        pullOnCreate = file.pullOnCreate
        pullOnRun = !file.disablePullOnRun
        tracing = try options.tracing
    }
}
