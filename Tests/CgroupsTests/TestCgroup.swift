// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Testing

@testable import Cgroups

/// The arrangements that this host can show: its own, and on a hybrid one its halves.
enum Arrangement: String, CaseIterable, Sendable {
    case host, legacyOnly, unifiedOnly

    static var available: [Arrangement] {
        guard let layout = try? CgroupLayout.detect() else { return [] }
        return layout.mode == .hybrid ? allCases : [.host]
    }

    func layout() throws -> CgroupLayout {
        var layout = try CgroupLayout.detect()
        switch self {
        case .host: break
        case .legacyOnly:
            layout.mode = .v1
            layout.unified = nil
        case .unifiedOnly:
            layout.mode = .v2
            layout.legacy = []
        }
        return layout
    }
}

/// A cgroup of its own for one test, gone with its processes when the value is released.
final class TestCgroup {
    let layout: CgroupLayout
    let name = "/skiff-test-\(UInt32.random(in: 0 ... .max))"
    let driver: any CgroupDriver

    init(_ arrangement: Arrangement = .host, create: Bool = true) throws {
        layout = try arrangement.layout()
        driver = try layout.location(name).driver()
        if create { try driver.create() }
    }

    deinit {
        try? driver.kill()
        try? driver.delete()
    }

    /// Whether the host limits what the controller (by its v1 name) limits.
    func controls(_ controller: String) -> Bool {
        guard layout.mode == .v2 else { return driver.location.directory(controller: controller) != nil }
        let controllers = (try? driver.members.read("cgroup.controllers")) ?? ""
        return controllers.split(separator: " ").contains(controller[...])
    }

    /// The text of one of two files: of the v1 controller, or of the unified hierarchy.
    func text(_ controller: String, _ legacy: String, _ unified: String) throws -> String? {
        let isUnified = layout.mode == .v2
        let directory = try #require(
            isUnified ? driver.location.unified : driver.location.directory(controller: controller))
        return try CgroupDirectory(directory).read(isUnified ? unified : legacy)
    }

    /// Runs a script of busybox in the cgroup; the script starts once the shell is a member.
    func run(_ script: String) throws -> Member { try Member(script, in: driver) }
}

/// A process that was started for a test; killed and reaped at the end.
final class Member {
    let process: ChildProcess
    private var reaped = false
    var pid: Int32 { process.pid }

    /// In the cgroup of the tests when there is no driver.
    init(_ script: String, in driver: (any CgroupDriver)?) throws {
        let busybox = try #require(ChildPlan.find("busybox", path: "/bin:/usr/bin"), "busybox is needed")
        var gate = try Pipe()
        guard let reader = gate.takeReader(), let writer = gate.takeWriter() else { throw Errno.EBADF }
        process = try ChildProcess(
            ChildPlan(
                busybox, ["sh", "-c", "read _; " + script], environment: ["PATH=/bin:/usr/bin"],
                descriptors: [reader.rawValue, nil, nil]))
        try driver?.add(process.pid)
        try writer.writeAll("\n")
    }

    deinit {
        if !reaped {
            try? process.pidfd.send(.kill)
            _ = try? process.wait()
        }
    }

    func wait() throws -> Linux.ExitStatus {
        #expect(try process.pidfd.waitForEnd(milliseconds: 60_000))
        reaped = true
        return try process.wait()
    }

    var isRunning: Bool { (try? process.pidfd.waitForEnd(milliseconds: 0)) == false }
}
