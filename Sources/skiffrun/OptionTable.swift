// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// An option of the command line: how it is spelt, what it takes and what it does.
struct CommandOption: Sendable {
    /// Without dashes, a space between; the first is the option's name, one letter is a short one.
    let spellings: String
    /// What its value is called in the help; nil for a switch, which may be written `--tty=false`.
    let value: String?
    let help: String

    /// `"bundle b"`: both spellings of an option with a value.
    static func value(_ names: String, _ value: String, _ help: String) -> CommandOption {
        CommandOption(spellings: names, value: value, help: help)
    }

    /// A switch.
    static func flag(_ names: String, _ help: String) -> CommandOption {
        CommandOption(spellings: names, value: nil, help: help)
    }

    /// Taken apart only when somebody asks: a run of the program looks at few of the options.
    var names: [String] { spellings.utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) } }

    func isSpelt(_ name: Substring) -> Bool {
        spellings.utf8.split(separator: UInt8(ascii: " ")).contains { $0.elementsEqual(name.utf8) }
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

    init(_ options: [CommandOption] = []) { self.options = options }

    func lookUp(_ spelling: Substring) -> CommandOption? { options.last { $0.isSpelt(spelling) } }

    /// The options of both; those of this table come first.
    func adding(_ other: OptionTable) -> OptionTable { OptionTable(other.options + options) }
}
