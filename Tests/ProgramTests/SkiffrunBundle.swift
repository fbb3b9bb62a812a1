// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Glibc
import Linux
import TestSupport
import Testing

/// A bundle with busybox in its rootfs, and a state root of its own. Everything is gone with the value, also what a
/// failed test has left: containers, cgroups, folders.
final class SkiffrunBundle: Sendable {
    private let folder: TemporaryDirectory
    /// The parent of the containers' cgroups, below the root of every hierarchy.
    let cgroup: String
    var path: String { "\(folder.path)/bundle" }
    var rootfs: String { "\(path)/rootfs" }
    var root: String { "\(folder.path)/state" }
    /// For files of the test.
    var scratch: String { folder.path }

    init() throws {
        folder = try TemporaryDirectory()
        cgroup = "/\(folder.path.split(separator: "/").last ?? "skiff-test")"
        for directory in ["bin", "etc", "tmp", "mnt", "proc", "dev", "sys"] {
            try Syscall.makeDirectories("\(rootfs)/\(directory)")
        }
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        try Program.copy(busybox, to: "\(rootfs)/bin/busybox")
        for applet in Self.applets { try Syscall.makeSymlink("busybox", "\(rootfs)/bin/\(applet)") }
        try AtomicFile.write(
            "\(rootfs)/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n")
    }

    private static let applets = [
        "sh", "cat", "ls", "id", "sleep", "echo", "mount", "hostname", "grep", "readlink", "stat", "tty", "stty",
        "mkdir", "touch", "true", "false", "ps", "kill", "env", "test", "wc", "head", "nice", "chmod",
    ]

    deinit {
        // Nothing here is part of a test; what is gone already is right.
        for id in (try? Syscall.entries(root)) ?? [] { _ = try? run("delete", "--force", id) }
        for hierarchy in HostCgroups.mountPoints { Self.removeCgroup("\(hierarchy)\(cgroup)") }
    }

    private static func removeCgroup(_ path: String) {
        for name in (try? Syscall.entries(path)) ?? [] {
            if (try? Syscall.status("\(path)/\(name)").isDirectory) == true { removeCgroup("\(path)/\(name)") }
        }
        try? Syscall.removeDirectory(path)
    }

    /// Writes config.json: that of `skiffrun spec`, without a terminal, with a cgroup of the test's, and as changed.
    func configure(
        _ arguments: [String], id: String = "c", _ change: (inout Configuration) throws -> Void = { _ in }
    ) throws {
        let file = "\(path)/config.json"
        try? Syscall.removeFile(file)
        try #require(try run("spec", "--bundle", path).status.isSuccess)
        var configuration = try Configuration(reading: file)
        configuration["process.terminal"] = false
        configuration["process.args"] = arguments
        configuration["root.readonly"] = false
        configuration["linux.cgroupsPath"] = "\(cgroup)/\(id)"
        try change(&configuration)
        try configuration.write(file)
    }

    /// The same with a script for busybox's shell.
    func configure(
        script: String, id: String = "c", _ change: (inout Configuration) throws -> Void = { _ in }
    ) throws {
        try configure(["sh", "-c", script], id: id, change)
    }

    /// `skiffrun --root ROOT ARGUMENTS...` in the bundle.
    @discardableResult
    func run(_ arguments: String..., timeoutSeconds: Int32 = 120) throws -> CommandOutput {
        try run(arguments, timeoutSeconds: timeoutSeconds)
    }

    func run(_ arguments: [String], timeoutSeconds: Int32 = 120) throws -> CommandOutput {
        let plan = ChildPlan(
            Program.skiffrun, [Program.skiffrun, "--root", root] + arguments, environment: ["PATH=/bin:/usr/bin"],
            workingDirectory: path)
        let result = try CommandOutput.run(plan, timeoutMilliseconds: timeoutSeconds * 1000)
        if result.timedOut { throw SkiffrunFailed(description: "end of skiffrun \(arguments.joined(separator: " "))") }
        return result
    }

    /// The same after a command of busybox's shell, which changes what the runtime starts with.
    func run(after command: String, _ arguments: [String], timeoutSeconds: Int32 = 120) throws -> CommandOutput {
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"))
        let plan = ChildPlan(
            busybox,
            ["busybox", "sh", "-c", "\(command); exec \"$@\"", "sh", Program.skiffrun, "--root", root] + arguments,
            environment: ["PATH=/bin:/usr/bin"], workingDirectory: path)
        return try CommandOutput.run(plan, timeoutMilliseconds: timeoutSeconds * 1000)
    }

    /// Output of the script, run in a new container; a failure throws what was written to standard error.
    func output(_ script: String, _ change: (inout Configuration) -> Void = { _ in }) throws -> String {
        try configure(script: script, change)
        let result = try run("run", "c")
        guard result.status.isSuccess else { throw SkiffrunFailed(description: "\(result.status) \(result.errorText)") }
        return result.outputText
    }

    /// Creates and starts a container that sleeps.
    func startSleeper(_ id: String = "c", _ change: (inout Configuration) throws -> Void = { _ in }) throws -> Int32 {
        try configure(["sleep", "1000"], id: id, change)
        for command in ["create", "start"] {
            let result = try run(command, id)
            guard result.status.isSuccess else { throw SkiffrunFailed(description: result.errorText) }
        }
        return try #require(try state(id)["pid"] as? Int).asInt32
    }

    /// What `state` prints.
    func state(_ id: String = "c") throws -> [String: Any] {
        let result = try run("state", id)
        guard result.status.isSuccess else { throw SkiffrunFailed(description: result.errorText) }
        return try #require(try JSONSerialization.jsonObject(with: Data(result.output)) as? [String: Any])
    }

    func status(_ id: String = "c") throws -> String { try #require(try state(id)["status"] as? String) }

    /// Fails the test when something of a container is left.
    func expectNothingLeft(_ comment: Comment? = nil) {
        #expect(((try? Syscall.entries(root)) ?? []).isEmpty, comment)
        for hierarchy in HostCgroups.mountPoints {
            let directory = "\(hierarchy)\(cgroup)"
            let left = ((try? Syscall.entries(directory)) ?? []).filter {
                (try? Syscall.status("\(directory)/\($0)").isDirectory) == true
            }
            #expect(left.isEmpty, comment)
        }
        let mounts = ((try? MountInfo.read()) ?? []).filter { $0.mountPoint.hasPrefix(folder.path) }
        #expect(mounts.isEmpty, comment)
    }
}

/// A command that had to succeed did not.
struct SkiffrunFailed: Error, CustomStringConvertible {
    var description: String
}

/// config.json as JSON, changed by paths: `configuration["process.user.uid"] = 1000`.
struct Configuration {
    private var tree: [String: Any]

    init(reading path: String) throws {
        let data = Data(try Syscall.readFile(path))
        tree = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    func write(_ path: String) throws {
        try AtomicFile.write(path, Array(try JSONSerialization.data(withJSONObject: tree)))
    }

    subscript(_ path: String) -> Any? {
        get { path.split(separator: ".").reduce(tree as Any?) { ($0 as? [String: Any])?[String($1)] } }
        set { tree = Self.setting(newValue, path.split(separator: ".")[...], in: tree) }
    }

    private static func setting(_ value: Any?, _ keys: ArraySlice<Substring>, in tree: [String: Any]) -> [String: Any] {
        guard let key = keys.first.map(String.init) else { return tree }
        var tree = tree
        tree[key] =
            keys.count == 1 ? value : setting(value, keys.dropFirst(), in: tree[key] as? [String: Any] ?? [:])
        return tree
    }

    mutating func append(_ path: String, _ element: Any) { self[path] = (self[path] as? [Any] ?? []) + [element] }

    mutating func addMount(_ destination: String, type: String = "bind", source: String, _ options: [String]) {
        append("mounts", ["destination": destination, "type": type, "source": source, "options": options])
    }

    /// Removes namespaces of the kind and adds one that is joined, or none.
    mutating func setNamespace(_ kind: String, path: String?, remove: Bool = false) {
        var list = (self["linux.namespaces"] as? [[String: Any]] ?? []).filter { $0["type"] as? String != kind }
        if !remove { list.append(path.map { ["type": kind, "path": $0] } ?? ["type": kind]) }
        self["linux.namespaces"] = list
    }

    mutating func setCapabilities(_ names: [String]) {
        for set in ["bounding", "effective", "permitted"] { self["process.capabilities.\(set)"] = names }
    }
}

/// The programs under test: beside the test bundle, or in the folder that SKIFF_BIN names.
enum Program {
    static var folder: String {
        if let folder = ProcessInfo.processInfo.environment["SKIFF_BIN"] { return folder }
        let bundle = (try? Syscall.readLink("/proc/self/exe")) ?? ""
        return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])
    }
    static var skiffrun: String { "\(folder)/skiffrun" }

    static func copy(_ source: String, to target: String) throws {
        try Executable.write(target, try Syscall.readFile(source))
    }
}

/// The host's cgroup file systems, whatever their arrangement.
enum HostCgroups {
    static var isUnified: Bool { Syscall.exists("/sys/fs/cgroup/cgroup.controllers") }
    static var mountPoints: [String] {
        ((try? MountInfo.read()) ?? []).filter { $0.type == "cgroup" || $0.type == "cgroup2" }.map(\.mountPoint)
    }

    /// The content of a limit's file, in the form of the host.
    static func value(_ cgroup: String, v1: (controller: String, file: String), v2: String) throws -> String {
        let path =
            isUnified ? "/sys/fs/cgroup\(cgroup)/\(v2)" : "/sys/fs/cgroup/\(v1.controller)\(cgroup)/\(v1.file)"
        return try Syscall.readText(path).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

extension Int {
    var asInt32: Int32 { Int32(self) }
}

extension String {
    var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
    var linesList: [String] { split(separator: "\n").map(String.init) }
}
