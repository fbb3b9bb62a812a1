// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// An option of the command line: how it is spelt, what it takes and what it does.
struct CommandOption: Sendable {
    /// Without dashes; the first is the option's name, one letter is a short one.
    let names: [String]
    /// What its value is called in the help; nil for a switch, which may be written `--tty=false`.
    let value: String?
    let help: String

    /// `"bundle b"`: both spellings of an option with a value.
    static func value(_ names: String, _ value: String, _ help: String) -> CommandOption {
        CommandOption(names: names.split(separator: " ").map(String.init), value: value, help: help)
    }

    /// A switch.
    static func flag(_ names: String, _ help: String) -> CommandOption {
        CommandOption(names: names.split(separator: " ").map(String.init), value: nil, help: help)
    }

    /// `-b, --bundle DIR`, as the help shows it.
    var spelling: String {
        let dashed = names.sorted { $0.count < $1.count }.map { $0.count == 1 ? "-\($0)" : "--\($0)" }
        let text = dashed.joined(separator: ", ") + (value.map { " \($0)" } ?? "")
        return names.contains { $0.count == 1 } ? text : "    " + text
    }
}

/// The options of one place on the command line, global or of a command.
struct OptionTable: Sendable {
    let options: [CommandOption]
    private let byName: [String: CommandOption]

    init(_ options: [CommandOption] = []) {
        self.options = options
        var byName: [String: CommandOption] = [:]
        for option in options {
            for name in option.names { byName[name] = option }
        }
        self.byName = byName
    }

    func lookUp(_ spelling: Substring) -> CommandOption? { byName[String(spelling)] }

    /// The options of both; those of this table come first.
    func adding(_ other: OptionTable) -> OptionTable { OptionTable(other.options + options) }
}
