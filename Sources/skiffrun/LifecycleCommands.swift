// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `start`, `kill`, `delete`, `pause` and `resume`.
enum LifecycleCommands {
    static func start(_ invocation: Invocation) throws -> Int32 {
        try only(invocation).start()
        return 0
    }

    static func kill(_ invocation: Invocation) throws -> Int32 {
        var arguments = invocation.arguments
        let options = try ParsedArguments(&arguments, OptionTable(flags: ["all a"]), wordsUpTo: 2)
        try requireEnd(arguments)
        let container = try container(options.words, invocation)
        let name = options.words.dropFirst().first ?? "TERM"
        guard let signal = Signal(parsing: name) else { throw RuntimeError("unknown signal \"\(name)\"") }
        try container.kill(signal, all: options.has("all"))
        return 0
    }

    static func delete(_ invocation: Invocation) throws -> Int32 {
        var arguments = invocation.arguments
        let options = try ParsedArguments(&arguments, OptionTable(flags: ["force f"]), wordsUpTo: 1)
        try requireEnd(arguments)
        guard let id = options.words.first else { throw UsageError("container ID must be given") }
        let failures =
            options.has("force")
            ? try Container.deleteForced(id, in: invocation.store)
            : try Container(id, in: invocation.store).delete(force: false)
        for failure in failures { invocation.log.write(.warning, "\(failure)") }
        return 0
    }

    static func pause(_ invocation: Invocation) throws -> Int32 {
        try only(invocation).pause()
        return 0
    }

    static func resume(_ invocation: Invocation) throws -> Int32 {
        try only(invocation).resume()
        return 0
    }

    /// The container of a command that takes nothing else.
    private static func only(_ invocation: Invocation) throws -> Container {
        var arguments = invocation.arguments
        let options = try ParsedArguments(&arguments, OptionTable(), wordsUpTo: 1)
        try requireEnd(arguments)
        return try container(options.words, invocation)
    }
}

/// Words that nobody asked for are a mistake.
func requireEnd(_ arguments: ArraySlice<String>) throws {
    if let extra = arguments.first { throw UsageError("unexpected argument \"\(extra)\"") }
}
