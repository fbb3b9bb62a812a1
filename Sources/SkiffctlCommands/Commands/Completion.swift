// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

struct Completion: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a script that completes commands and options in a shell.",
        discussion: "For bash: skiffctl completion bash > /etc/bash_completion.d/skiffctl")

    @Argument(help: "bash, zsh or fish.")
    var shell = "bash"

    func run() throws {
        guard let known = CompletionShell(rawValue: shell) else {
            throw ValidationError("no completion for \"\(shell)\": want bash, zsh or fish")
        }
        try Console.print(Skiffctl.completionScript(for: known))
    }
}
