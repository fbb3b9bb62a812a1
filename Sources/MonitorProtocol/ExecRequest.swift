// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// A further process in a container.
///
/// Its standard streams are the client's own descriptors, which come with the request, so that no byte of it passes
/// through the monitor; or a terminal, whose master the monitor hands to the client with `execStarted`, without keeping
/// a copy: the client sets its size, and closing the last copy hangs it up.
package struct ExecRequest: Hashable, Sendable {
    /// How the process comes into the container.
    package enum Way: Hashable, Sendable {
        /// `runtime exec --detach`, whose `--pid-file` and `--console-socket` are those.
        case runtime(RuntimeCommand, pidFile: String, consoleSocket: String? = nil)
        /// The monitor makes it itself, as `skiffrun exec` would.
        case entry(ContainerEntry)
    }

    package var container: String
    /// The name of this process for `endExec` and in the monitor's own log.
    package var execID: String
    package var way: Way
    /// A terminal of this size, and no descriptors come with the request.
    package var terminal: WindowSize?
    /// The process and its session are killed so long after the request; 0 for never.
    package var timeoutMilliseconds: UInt32
    /// A descriptor for standard input comes with the request, before those of standard output and error output;
    /// it is /dev/null otherwise.
    package var stdin: Bool
    /// The process and its session are hung up, as by `hangUp`, when the connection that asked for it ends.
    package var endsWithClient: Bool

    package init(
        container: String, execID: String, way: Way, terminal: WindowSize? = nil, timeoutMilliseconds: UInt32 = 0,
        stdin: Bool = false, endsWithClient: Bool = false
    ) {
        self.container = container
        self.execID = execID
        self.way = way
        self.terminal = terminal
        self.timeoutMilliseconds = timeoutMilliseconds
        self.stdin = stdin
        self.endsWithClient = endsWithClient
    }

    /// What version 1 of the protocol can say, by a command of the runtime.
    var firstVersion: UInt16 {
        if case .runtime(_, _, nil) = way, terminal == nil, !endsWithClient { 1 } else { 2 }
    }
}

/// A process like the container's own, with another command. The rest is in the state directory of `skiffrun`.
package struct ContainerEntry: Hashable, Sendable {
    /// The runtime's `--root`.
    package var root: String
    /// The container's name for the runtime.
    package var id: String
    package var arguments: [String]
    /// `NAME=value`, each where the container's own environment has no such name.
    package var environment: [String]

    package init(root: String, id: String, arguments: [String], environment: [String] = []) {
        self.root = root
        self.id = id
        self.arguments = arguments
        self.environment = environment
    }
}
