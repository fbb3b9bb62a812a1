// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import FoundationEssentials

/// How long a pull may take.
struct PullTimeout: ParsableArguments {
    @Option(
        name: [.customLong("pull-timeout"), .customLong("pt", withSingleDash: true)],
        help: "Time limit of a pull, such as 5m; 0 is none. Default: CRICTL_PULL_TIMEOUT, or none.")
    var pullTimeout: TimeSpan?

    func validate() throws { _ = try patience() }

    /// Option, then environment.
    func patience(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Engine.Patience {
        if let pullTimeout { return .limit(pullTimeout) }
        guard let text = environment["CRICTL_PULL_TIMEOUT"], !text.isEmpty else { return .endless }
        guard let span = TimeSpan(argument: text) else {
            throw ValidationError("CRICTL_PULL_TIMEOUT is not a time: \"\(text)\"")
        }
        return .limit(span)
    }
}

/// Whether and how an image is pulled before a container is created.
struct PullOptions: ParsableArguments {
    @Flag(help: "Do not pull the image, also if the settings file says otherwise.")
    var noPull = false
    @Flag(help: "Pull the image first, also if the settings file says otherwise.")
    var withPull = false
    @OptionGroup var credentials: CredentialOptions
    @OptionGroup var limit: PullTimeout

    func validate() throws {
        if noPull, withPull { throw ValidationError("Give either --no-pull or --with-pull.") }
    }

    /// Whether to pull, where the settings file says what is usual.
    func pulls(usually: Bool) -> Bool { withPull || (usually && !noPull) }
}
