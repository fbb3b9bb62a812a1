// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

/// `--log` to something else than a file. The test plays the service, at its place in a mount namespace of the runtime's.
@Suite("skiffrun: services that take logs", .requiresRoot)
struct SkiffrunLogTests {
    struct Service: Sendable, CustomTestStringConvertible {
        var option: String
        /// The folder that is covered, and the socket in it.
        var folder: String
        var socket: String
        var begin: String
        var end: String
        var testDescription: String { option }
    }

    static let services = [
        Service(
            option: "syslog:web", folder: "/dev", socket: "log", begin: "<11>web[", end: "]: container does not exist"),
        Service(
            option: "journald:web", folder: "/run", socket: "systemd/journal/socket",
            begin: "PRIORITY=3\nSYSLOG_IDENTIFIER=web\n", end: "MESSAGE=container does not exist\n"),
        Service(
            option: "journald:", folder: "/run", socket: "systemd/journal/socket",
            begin: "PRIORITY=3\nSYSLOG_IDENTIFIER=skiffrun\n", end: "MESSAGE=container does not exist\n"),
    ]

    private func run(_ service: Service, _ bundle: SkiffrunBundle, _ folder: String) throws -> CommandOutput {
        let script = "mount --bind \(folder) \(service.folder) && exec \"$@\""
        return try CommandOutput.run(
            ChildPlan(
                "/usr/bin/unshare",
                [
                    "unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", Program.skiffrun, "--root",
                    bundle.root, "--log", service.option, "state", "nobody",
                ], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]), timeoutMilliseconds: 120_000)
    }

    @Test(arguments: services)
    func errorsArriveUnderTheName(_ service: Service) throws {
        let bundle = try SkiffrunBundle()
        let folder = "\(bundle.scratch)/service"
        let path = "\(folder)/\(service.socket)"
        try Syscall.makeDirectories(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        let socket = try UnixSocket.bindDatagrams(path, mode: 0o666)
        expect(try run(service, bundle, folder), 1, "container does not exist\n")
        let ready = try Syscall.poll(socket.rawValue, for: .readable, milliseconds: 60_000)
        try #require(ready.contains(.readable))
        let text = String(decoding: try Syscall.read(socket.rawValue, upTo: 4096), as: UTF8.self)
        #expect(text.hasPrefix(service.begin) && text.hasSuffix(service.end), "\(text)")
    }

    @Test(arguments: services)
    func absentServiceIsAnError(_ service: Service) throws {
        let bundle = try SkiffrunBundle()
        let folder = "\(bundle.scratch)/service"
        try Syscall.makeDirectories(folder)
        expect(
            try run(service, bundle, folder), 1,
            "connect to \"\(service.folder)/\(service.socket)\": no such file or directory\n")
    }
}
