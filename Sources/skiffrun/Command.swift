// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// A command of the runtime: what it takes, what it does, and how its failure looks.
struct Command: Sendable {
    let name: String
    /// One line for the list of commands.
    let summary: String
    /// Names of the words it takes, those that may be missing in brackets: `ID`, `[SIGNAL]`.
    var words: [String] = ["ID"]
    /// What may follow the words and is passed on; nil where nothing may.
    var rest: String?
    /// Whether options end at the last word already.
    var optionsEndAtLastWord = false
    /// More for the help, in lines.
    var details = ""
    var options = OptionTable()
    /// Starts a process in a container, so the program's own file must be out of reach. See `SelfProtection`.
    var startsProcess = false
    /// What stands before an error, in runc's words.
    var errorPrefix = ""
    /// 255 of exec tells a failure of the runtime from one of the program.
    var errorStatus: Int32 = 1
    /// Returns the exit status.
    var run: @Sendable (Invocation) throws -> Int32

    /// In the order of a container's life.
    static let all: [Command] = [
        CreateCommand.create, CreateCommand.run, LifecycleCommands.start, StateCommands.state, KillCommand.command,
        DeleteCommand.command, ExecCommand.command, StateCommands.list, ProcessesCommand.command,
        LifecycleCommands.pause, LifecycleCommands.resume, UpdateCommand.command, EventsCommand.command,
        MountsCommand.command, SpecCommand.command, FeaturesCommand.command,
    ]

    static func named(_ name: String) -> Command? { all.first { $0.name == name } }

    private var required: Int { words.count { !$0.hasPrefix("[") } }

    /// Reads what follows the command's name; global options may stand there as well.
    func parse(_ arguments: inout ArraySlice<String>) throws -> ParsedArguments {
        let table = options.adding(Invocation.globalOptions)
        let parsed = try ParsedArguments(
            &arguments, table, wordsUpTo: words.count, end: optionsEndAtLastWord ? .atLastWord : .afterWords)
        if parsed.has("help") { return parsed }
        guard parsed.words.count >= required, rest != nil || arguments.isEmpty else { throw UsageError(expectation) }
        return parsed
    }

    /// runc's words for a wrong number of arguments.
    private var expectation: String {
        let quoted = "\"skiffrun \(name)\""
        let noun = required == 1 ? "argument" : "arguments"
        if rest != nil { return "\(quoted) requires a minimum of \(required) \(noun): \(usageWords)" }
        if words.isEmpty { return "\(quoted) takes no arguments" }
        if required == words.count { return "\(quoted) requires exactly \(required) \(noun): \(usageWords)" }
        return "\(quoted) requires \(required) to \(words.count) arguments: \(usageWords)"
    }

    /// `ID [SIGNAL]`
    var usageWords: String { (words + [rest].compactMap(\.self)).joined(separator: " ") }
}
