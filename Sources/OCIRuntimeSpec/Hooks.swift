// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Programs the runtime runs at points of the container's life.
package struct Hooks: Codable, Hashable, Sendable {
    /// Deprecated twin of `createRuntime`, run just before it.
    package var prestart: [Hook]?
    /// After the namespaces exist, before pivot_root; in the runtime's namespaces.
    package var createRuntime: [Hook]?
    /// After the mounts are made, before pivot_root; in the container's namespaces.
    package var createContainer: [Hook]?
    /// As part of `start`, before the program is executed; in the container.
    package var startContainer: [Hook]?
    /// After the program is executed, before `start` returns; in the runtime's namespaces.
    package var poststart: [Hook]?
    /// After the container is deleted; in the runtime's namespaces.
    package var poststop: [Hook]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        prestart: [Hook]? = nil, createRuntime: [Hook]? = nil, createContainer: [Hook]? = nil,
        startContainer: [Hook]? = nil, poststart: [Hook]? = nil, poststop: [Hook]? = nil
    ) {
        self.prestart = prestart
        self.createRuntime = createRuntime
        self.createContainer = createContainer
        self.startContainer = startContainer
        self.poststart = poststart
        self.poststop = poststop
    }
}

/// One program to run; it reads the container's `State` as JSON on standard input.
package struct Hook: Codable, Hashable, Sendable {
    /// Absolute path of the program.
    package var path: String
    /// Argument vector including argument 0; only the path when absent.
    package var args: [String]?
    /// The whole environment; empty when absent.
    package var env: [String]?
    /// Seconds after which the program is killed and counts as failed.
    package var timeout: Int?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(path: String, args: [String]? = nil, env: [String]? = nil, timeout: Int? = nil) {
        self.path = path
        self.args = args
        self.env = env
        self.timeout = timeout
    }
}
