// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import Testing

@testable import SkiffctlCommands

struct ShortUsageTests {
    @Test func everyUsageIsShort() throws {
        for command in Skiffctl.configuration.subcommands {
            let name = try #require(command.configuration.commandName)
            let help = ShortUsage.of(Skiffctl.helpMessage(for: command, columns: 100))
            let usage = try #require(help.split(separator: "\n").first { $0.hasPrefix("USAGE: ") })
            #expect(!usage.contains("--runtime-endpoint"), "\(name)")
            // It is listed all the same.
            #expect(help.contains("\n  --runtime-endpoint <") || name == "completion", "\(name)")
        }
    }

    @Test func complaintsToo() throws {
        let error = #expect(throws: (any Error).self) { try Skiffctl.parseAsRoot(["start"]) }
        let complaint = ShortUsage.of(Skiffctl.fullMessage(for: try #require(error), columns: 100))
        #expect(complaint.contains("\nUsage: skiffctl start <containers> ... [<global options>]\n"))
    }
}
