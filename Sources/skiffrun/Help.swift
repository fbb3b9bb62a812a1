// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What `--help` prints.
enum Help {
    /// Of the program.
    static func print() -> Int32 {
        let commands = columns(Command.all.map { ($0.name, $0.summary) })
        Skiffrun.print(
            """
            skiffrun - OCI container runtime

            usage: skiffrun [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]

            Commands:
            \(commands)

            Global options, before the command or after it:
            \(list(Invocation.globalOptions))

            An option's value may be its next word or follow "=". More on a command: skiffrun help COMMAND
            """)
        return 0
    }

    /// Of a command.
    static func print(_ command: Command) -> Int32 {
        Skiffrun.print(text(of: command))
        return 0
    }

    static func text(of command: Command) -> String {
        let options = command.options.options.isEmpty ? "" : " [OPTIONS]"
        let words = command.usageWords.isEmpty ? "" : " \(command.usageWords)"
        var text =
            "skiffrun \(command.name) - \(command.summary)\n\nusage: skiffrun \(command.name)\(options)\(words)\n"
        if !command.details.isEmpty { text += "\n\(command.details)\n" }
        if !command.options.options.isEmpty { text += "\nOptions:\n\(list(command.options))\n" }
        return text + "\nGlobal options: skiffrun help"
    }

    private static func list(_ table: OptionTable) -> String { columns(table.options.map { ($0.spelling, $0.help) }) }

    /// Two columns; a long left side has a line of its own.
    private static func columns(_ rows: [(String, String)]) -> String {
        let widest = 30
        let width = min(rows.map(\.0.count).max() ?? 0, widest)
        return rows.map { left, right in
            let pad = String(repeating: " ", count: max(0, width - left.count))
            let indent = "\n" + String(repeating: " ", count: width + 4)
            let lines = right.split(separator: "\n").joined(separator: indent)
            return left.count > width ? "  \(left)\(indent)\(lines)" : "  \(left)\(pad)  \(lines)"
        }.joined(separator: "\n")
    }
}
