// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// A command of the runtime: how it runs and how its failure looks.
struct Command: Sendable {
    /// Starts a process in a container, so the program's own file must be out of reach. See `SelfProtection`.
    var startsProcess = false
    /// What stands before an error, in runc's words.
    var errorPrefix = ""
    /// 255 of exec tells a failure of the runtime from one of the program.
    var errorStatus: Int32 = 1
    /// Returns the exit status.
    var run: @Sendable (Invocation) throws -> Int32

    private static let startError = "unable to start container process: "

    static let all: [String: Command] = [
        "create": Command(
            startsProcess: true, errorPrefix: "skiffrun create failed: ", run: CreateCommand.create),
        "run": Command(startsProcess: true, errorPrefix: "skiffrun run failed: ", run: CreateCommand.run),
        "start": Command(run: LifecycleCommands.start),
        "state": Command(run: StateCommands.state),
        "kill": Command(run: LifecycleCommands.kill),
        "delete": Command(run: LifecycleCommands.delete),
        "exec": Command(
            startsProcess: true, errorPrefix: "exec failed: " + startError, errorStatus: 255,
            run: ExecCommand.run),
        "list": Command(run: StateCommands.list),
        "ps": Command(run: StateCommands.ps),
        "pause": Command(run: LifecycleCommands.pause),
        "resume": Command(run: LifecycleCommands.resume),
        "spec": Command(run: SpecCommand.run),
        "features": Command(run: FeaturesCommand.run),
    ]
}

/// The container that the command line names.
func container(_ words: [String], _ invocation: Invocation) throws -> Container {
    guard let id = words.first else { throw UsageError("container ID must be given") }
    return try Container(id, in: invocation.store)
}
