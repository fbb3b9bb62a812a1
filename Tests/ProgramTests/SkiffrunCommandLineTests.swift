// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// What the command line takes, and what is said about one that is wrong.
@Suite("skiffrun: command line", .requiresRoot)
struct SkiffrunCommandLineTests {
    static let commands = [
        "create", "run", "start", "state", "kill", "delete", "exec", "list", "ps", "pause", "resume", "update",
        "events",
        "checkpoint", "restore", "mounts", "spec", "features",
    ]

    @Test func helpNamesEveryCommand() throws {
        let bundle = try SkiffrunBundle()
        let help = try bundle.run("help")
        #expect(help.status.isSuccess && help.errorText.isEmpty)
        for command in Self.commands { #expect(help.outputText.contains("\n  \(command) "), "\(command)") }
        #expect(try bundle.run("--help").outputText == help.outputText)
        #expect(try bundle.run("-h").outputText == help.outputText)
    }

    @Test(arguments: commands)
    func helpOfACommand(_ command: String) throws {
        let bundle = try SkiffrunBundle()
        let help = try bundle.run("help", command)
        #expect(help.status.isSuccess && help.errorText.isEmpty)
        #expect(help.outputText.hasPrefix("skiffrun \(command) - "))
        #expect(help.outputText.contains("\nusage: skiffrun \(command)"))
        #expect(help.outputText.linesList.allSatisfy { $0.count <= 120 })
        #expect(try bundle.run(command, "--help").outputText == help.outputText)
        #expect(try bundle.run(command, "-h").outputText == help.outputText)
    }

    /// A wrong command line, its exit status and the first words about it.
    @Test(arguments: [
        (["bogus"], 1, "unknown command \"bogus\""),
        (["--bogus", "state"], 1, "flag provided but not defined: --bogus (see \"skiffrun help\")"),
        (["--root"], 1, "flag needs an argument: --root"),
        (["state"], 1, "\"skiffrun state\" requires exactly 1 argument: ID (see \"skiffrun help state\")"),
        (["state", "a", "b"], 1, "\"skiffrun state\" requires exactly 1 argument"),
        (["list", "a"], 1, "\"skiffrun list\" takes no arguments"),
        (["kill"], 1, "\"skiffrun kill\" requires 1 to 2 arguments: ID [SIGNAL]"),
        (["kill", "c", "FOO"], 1, "unknown signal \"FOO\""),
        (["exec"], 255, "\"skiffrun exec\" requires a minimum of 1 argument: ID [PROGRAM [ARGUMENT]...]"),
        (["exec", "c"], 255, "exec failed: container does not exist"),
        (["exec", "--bogus", "c", "true"], 255, "flag provided but not defined: --bogus (see \"skiffrun help exec\")"),
        (
            ["create", "--preserve-fds", "-1", "c"], 1,
            "skiffrun create failed: invalid value \"-1\" for flag --preserve-fds"
        ),
        (["run", "--keep=perhaps", "c"], 1, "invalid boolean value \"perhaps\" in --keep=perhaps"),
        (["create", "a/b"], 1, "skiffrun create failed: invalid container ID format"),
        (["state", ""], 1, "container id cannot be empty"),
        (["list", "--format", "x"], 1, "invalid format option \"x\": table or json is expected"),
        (["ps", "-f", "x", "c"], 1, "invalid format option \"x\": table or json is expected"),
        (["--log-format", "x", "list"], 1, "invalid log-format option \"x\": text or json is expected"),
        (["--log-level", "x", "list"], 1, "invalid log-level \"x\": error, warning or debug is expected"),
        (["--rootless", "x", "list"], 1, "invalid value for --rootless"),
        (["--log", "/nowhere/log", "list"], 1, "open \"/nowhere/log\": no such file or directory"),
        (["delete", "-r", "("], 1, "regular expression \"(\": Unmatched ( or \\("),
        (["update", "c"], 1, "container does not exist"),
        (["events", "c"], 1, "container does not exist"),
    ])
    func errors(_ arguments: [String], _ status: Int32, _ error: String) throws {
        let bundle = try SkiffrunBundle()
        let result = try bundle.run(arguments)
        #expect(result.status == .exited(status))
        #expect(result.errorText.hasPrefix(error), "\(result.errorText)")
        #expect(result.errorText.linesList.count == 1 && result.outputText.isEmpty)
    }

    @Test func globalOptionsStandOnEitherSide() throws {
        let bundle = try SkiffrunBundle()
        _ = try bundle.startSleeper()
        for arguments in [["list", "-q", "--root", bundle.root], ["list", "--root=\(bundle.root)", "--quiet"]] {
            let plan = ChildPlan(Program.skiffrun, ["skiffrun"] + arguments)
            #expect(try CommandOutput.run(plan).outputText == "c\n")
        }
    }

    @Test func logIsInBothFormats() throws {
        let bundle = try SkiffrunBundle()
        let log = "\(bundle.scratch)/log"
        expect(
            try bundle.run("--log", log, "--log-format", "json", "state", "a\"b"), 1, "invalid container ID format\n")
        let result = try bundle.run("--log=\(log)", "--log-format=json", "kill", "none", "9")
        #expect(result.errorText == "container does not exist\n")
        let lines = try Syscall.readText(log).linesList
        #expect(lines.count == 2)
        let record = try #require(try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: String])
        #expect(record["level"] == "error" && record["msg"] == "container does not exist")
        #expect(try ISO8601DateFormatter.fractional.date(from: #require(record["time"])) != nil)
        try Syscall.removeFile(log)
        _ = try bundle.run("state", "none", "--log", "file:\(log)", "--debug")
        let text = try Syscall.readText(log).linesList
        #expect(text.count == 3, "\(text)")
        #expect(text[0].contains("level=debug msg=\"command line"))
        #expect(text[1].hasPrefix("time=\"") && text[1].hasSuffix("level=error msg=\"container does not exist\""))
        try Syscall.removeFile(log)
        _ = try bundle.run("--log", log, "state", "--x\r\ntime=\"0\" level=error msg=\"forged\"")
        #expect(try Syscall.readFile(log).filter { $0 == 10 }.count == 1)
    }

    @Test func killAndDeleteByExpression() throws {
        let bundle = try SkiffrunBundle()
        for id in ["web-1", "web-2", "db-1"] { _ = try bundle.startSleeper(id) }
        expect(try bundle.run("kill", "--regex", "^web-", "KILL"), 0, "")
        try eventually("they stop") { try bundle.status("web-1") == "stopped" && bundle.status("web-2") == "stopped" }
        #expect(try bundle.status("db-1") == "running")
        // One cannot be deleted; the others are all the same.
        let result = try bundle.run("delete", "-r", "1$|2$")
        #expect(result.status == .exited(1))
        #expect(result.errorText == "db-1: cannot delete container db-1 that is not stopped: running\n")
        #expect(try bundle.run("list", "-q").outputText == "db-1\n")
        expect(try bundle.run("delete", "--force", "--regex", "."), 0, "")
        bundle.expectNothingLeft()
    }

    @Test(arguments: ["RTMIN+3", "SIGRTMIN+3", "37", "rtmin+3"])
    func realTimeSignals(_ name: String) throws {
        let bundle = try SkiffrunBundle()
        let script = "trap 'touch /tmp/got; exit 0' 37; touch /tmp/ready; while :; do sleep 0.05; done"
        _ = try bundle.startSleeper { $0["process.args"] = ["sh", "-c", script] }
        try eventually("the trap is set") { Syscall.exists("\(bundle.rootfs)/tmp/ready") }
        expect(try bundle.run("kill", "c", name), 0, "")
        try eventually("the signal comes") { Syscall.exists("\(bundle.rootfs)/tmp/got") }
    }

    @Test func processesByPs() throws {
        let bundle = try SkiffrunBundle()
        let pid = try bundle.startSleeper()
        #expect(try bundle.run("ps", "-f", "json", "c").outputText == "[\(pid)]\n")
        let table = try bundle.run("ps", "c").outputText.linesList
        #expect(table.count == 2 && table[0].contains("PID") && table[1].contains("sleep 1000"))
        // Without procps on the host there are no options of it.
        guard ChildPlan.find("ps", path: "/bin:/usr/bin") != nil else { return }
        let columns = try bundle.run("ps", "c", "-o", "pid,comm").outputText.linesList
        #expect(columns.count == 2 && columns[1].contains("\(pid) sleep"))
        expect(try bundle.run("ps", "c", "-o", "comm"), 1, "couldn't find PID field in ps output\n")
    }

    @Test func versionIsWhatCallersParse() throws {
        let bundle = try SkiffrunBundle()
        let text = try bundle.run("--version").outputText.linesList
        #expect(text[0].hasPrefix("skiffrun version "))
        #expect(text.contains { $0.hasPrefix("spec: 1.") })
        #expect(text.contains { $0.hasPrefix("+") && $0.contains("+SYSTEMD") && $0.contains("+SECCOMP") })
        #expect(try bundle.run("-v").outputText.linesList == text)
    }
}

extension ISO8601DateFormatter {
    fileprivate static var fractional: ISO8601DateFormatter {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        return formatter
    }
}
