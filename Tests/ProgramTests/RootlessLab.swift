// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import TestSupport
import Testing

/// A user without rights, known by number and only inside the lab: the tables of users and of their ids are mounted over
/// the host's in a mount namespace that every command has for itself.
final class RootlessLab {
    static let uid: UInt32 = 54_321
    /// The ids that newuidmap(1) may give to the user: 10,000 from here on.
    static let firstSubordinateID: UInt32 = 3_000_000

    let bundle: SkiffrunBundle
    /// A command of the shell that runs as root before each command: cgroups are delegated with it.
    var preparation = "true"
    private let runtimeDirectory: String

    /// With a folder of the test's own for XDG_RUNTIME_DIR, or with the one in which the user's systemd waits.
    init(runtimeDirectory: String? = nil) throws {
        bundle = try SkiffrunBundle()
        self.runtimeDirectory = runtimeDirectory ?? "\(bundle.scratch)/run"
        let scratch = bundle.scratch
        try Program.copy(Program.skiffrun, to: "\(scratch)/skiffrun")
        try AtomicFile.write("\(scratch)/passwd", "root:x:0:0::/:/bin/sh\nlab:x:\(Self.uid):\(Self.uid)::/:/bin/sh\n")
        try AtomicFile.write("\(scratch)/ids", "lab:\(Self.firstSubordinateID):10000\n")
        for file in ["passwd", "ids"] { try Syscall.changeMode("\(scratch)/\(file)", 0o644) }
        try give(bundle.path)
        guard runtimeDirectory == nil else { return }
        try Syscall.makeDirectory(self.runtimeDirectory, mode: 0o700)
        try give(self.runtimeDirectory)
    }

    private func give(_ path: String) throws {
        let result = try CommandOutput.run(
            ChildPlan(
                try #require(ChildPlan.find("chown", path: "/bin:/usr/bin")),
                ["chown", "-R", "\(Self.uid):\(Self.uid)", path]))
        try #require(result.status.isSuccess)
    }

    /// Writes config.json: that of `spec --rootless`, without a terminal.
    func configure(_ arguments: [String], _ change: (inout Configuration) -> Void = { _ in }) throws {
        let file = "\(bundle.path)/config.json"
        try? Syscall.removeFile(file)
        try #require(try run("spec", "--rootless").status.isSuccess)
        var configuration = try Configuration(reading: file)
        configuration["process.terminal"] = false
        configuration["process.args"] = arguments
        configuration["root.readonly"] = false
        change(&configuration)
        try configuration.write(file)
        try Syscall.changeMode(file, 0o644)
    }

    /// `skiffrun ARGUMENTS...` in the bundle, as the user.
    @discardableResult
    func run(_ arguments: String...) throws -> CommandOutput {
        let scratch = bundle.scratch
        let script = """
            mount --bind \(scratch)/passwd /etc/passwd && mount --bind \(scratch)/ids /etc/subuid &&
            mount --bind \(scratch)/ids /etc/subgid && { \(preparation); } && cd \(bundle.path) &&
            exec setpriv --reuid \(Self.uid) --regid \(Self.uid) --clear-groups --inh-caps=-all "$@"
            """
        let plan = ChildPlan(
            try #require(ChildPlan.find("unshare", path: "/bin:/usr/bin")),
            ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", "\(scratch)/skiffrun"] + arguments,
            environment: ["PATH=/bin:/usr/bin:/sbin:/usr/sbin", "XDG_RUNTIME_DIR=\(runtimeDirectory)"])
        let result = try CommandOutput.run(plan, timeoutMilliseconds: 120_000)
        if result.timedOut { throw SkiffrunFailed(description: "end of skiffrun \(arguments.joined(separator: " "))") }
        return result
    }

    /// Output of the script, run in a new container.
    func output(_ script: String, _ change: (inout Configuration) -> Void = { _ in }) throws -> String {
        try configure(["sh", "-c", script], change)
        let result = try run("run", "c")
        guard result.status.isSuccess else { throw SkiffrunFailed(description: "\(result.status) \(result.errorText)") }
        return result.outputText
    }

    /// Starts a container that sleeps, and returns its pid.
    func startSleeper(_ change: (inout Configuration) -> Void = { _ in }) throws -> Int {
        try configure(["sleep", "1000"], change)
        let pidFile = "\(runtimeDirectory)/pid"
        let result = try run("run", "-d", "--pid-file", pidFile, "c")
        guard result.status.isSuccess else { throw SkiffrunFailed(description: result.errorText) }
        return try #require(Int(try Syscall.readText(pidFile)))
    }

    /// Removes the containers, also those of a failed test.
    deinit { _ = try? run("delete", "--force", "c") }
}

extension Configuration {
    /// Root is the user, and the ids from 1 on are the subordinate ones.
    mutating func mapSubordinateIDs() {
        for kind in ["uidMappings", "gidMappings"] {
            self["linux.\(kind)"] = [
                ["containerID": 0, "hostID": RootlessLab.uid, "size": 1],
                ["containerID": 1, "hostID": RootlessLab.firstSubordinateID, "size": 10_000],
            ]
        }
    }
}
