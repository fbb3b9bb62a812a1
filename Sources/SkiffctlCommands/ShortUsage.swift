// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

/// Usage without the options of all commands, which help lists anyway: they would make most of each line.
enum ShortUsage {
    /// A command that has nothing else.
    private struct Everywhere: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "any")
        @OptionGroup var global: GlobalOptions
    }

    /// The text of help, or of a complaint with its usage, shortened.
    static func of(_ text: String) -> String {
        let usage = Everywhere.usageString()
        guard let begin = usage.firstIndex(of: "[") else { return text }
        return text.replacing(usage[begin...], with: "[<global options>]")
    }
}
