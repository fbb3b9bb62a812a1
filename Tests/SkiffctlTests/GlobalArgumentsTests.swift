// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import Testing

@testable import SkiffctlCommands

@Suite struct GlobalArgumentsTests {
    @Test func everyCommandSaysItsName() {
        for command in Skiffctl.configuration.subcommands { #expect(command.configuration.commandName != nil) }
    }

    @Test(arguments: [
        ("pods", "pods"),
        ("-r /a pods -q", "pods --runtime-endpoint /a -q"),
        ("-D -t 5s -i=/b ps", "ps --debug --request-timeout 5s --image-endpoint /b"),
        ("--timeout=5s stop -t 3 x", "stop --request-timeout 5s -t 3 x"),
        ("stop --timeout 3 x", "stop --timeout 3 x"),
        ("pods --timeout 3s", "pods --request-timeout 3s"),
        ("pods --timeout=3s", "pods --request-timeout=3s"),
        ("-c /x exec c -- sh --timeout 3", "exec --config /x c -- sh --timeout 3"),
        (
            "--enable-tracing --tracing-endpoint h:1 --tracing-sampling-rate-per-million=-1 ps",
            "ps --enable-tracing --tracing-endpoint h:1 --tracing-sampling-rate-per-million -1"
        ),
        ("--help", "--help"),
        ("-r", "-r"),
        ("-v", "--version"),
        ("-r /a -v", "--version"),
        ("h ps", "help ps"),
        ("-r /a frob -q", "frob -q"),
        ("", ""),
    ])
    func movesBehindTheCommand(_ given: String, _ expected: String) {
        let words = given.split(separator: " ").map(String.init)
        let commands: Set = ["pods", "ps", "stop", "exec"]
        #expect(GlobalArguments.behindCommand(words, of: commands).joined(separator: " ") == expected)
    }
}
