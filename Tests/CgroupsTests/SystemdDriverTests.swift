// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import Cgroups

/// The driver with the host's systemd, where that is the first process.
@Suite(.requiresRoot, .enabled(if: Syscall.exists("/run/systemd/system"), "systemd is the first process"))
struct SystemdDriverTests {
    /// A scope of the test's own; it is gone with the value.
    final class TestScope: Sendable {
        let driver: any CgroupDriver
        let unit: String

        init(_ name: String) throws {
            let scope = try SystemdScope(
                cgroupsPath: "skiff-test.slice:\(name):\(Syscall.processID)", id: "x", isUser: false)
            unit = scope.unit
            driver = try CgroupLayout.detect().location(scope).driver()
        }

        deinit {
            try? driver.kill()
            try? driver.delete()
        }

        /// A process of the runtime's, around which the scope is made.
        func start(_ resources: LinuxResources = LinuxResources(), _ properties: [UnitProperty] = []) throws -> Member {
            let member = try Member("exec sleep 1000", in: nil)
            try driver.establish(resources, member: member.pid, properties: properties)
            return member
        }

        func property(_ name: String) throws -> DBusValue? {
            var connection = try DBusConnection.connect("/run/systemd/private")
            let path = try connection.call(
                DBusMessage(
                    call: "GetUnit", of: "org.freedesktop.systemd1.Manager", at: "/org/freedesktop/systemd1", to: nil,
                    [.string(unit)]))
            guard case .objectPath(let object)? = path.first else { return nil }
            let interface = name.hasPrefix("Active") ? "Unit" : "Scope"
            let answer = try connection.call(
                DBusMessage(
                    call: "Get", of: "org.freedesktop.DBus.Properties", at: object, to: nil,
                    [.string("org.freedesktop.systemd1.\(interface)"), .string(name)]))
            guard case .variant(let value)? = answer.first else { return nil }
            return value
        }
    }

    @Test func `a scope is made around a process, and goes with it`() throws {
        let scope = try TestScope("life")
        #expect(!scope.driver.exists)
        try scope.driver.delete()
        let member = try scope.start()
        #expect(try scope.driver.processes() == [member.pid])
        #expect(try scope.property("ActiveState") == .string("active"))
        #expect(try scope.property("Delegate") == .boolean(true))
        let inner = try scope.driver.location.child("a/b").driver()
        try inner.create()
        try scope.driver.kill()
        #expect(try member.wait() == .signaled(9))
        try scope.driver.delete()
        #expect(!scope.driver.exists)
        #expect(throws: CgroupError.self) { try scope.property("ActiveState") }
    }

    @Test func `systemd and the kernel have the limits, also after an update`() throws {
        let scope = try TestScope("limits")
        let member = try scope.start(
            LinuxResources(
                devices: [LinuxDeviceCgroup(allow: false), LinuxDeviceCgroup(allow: true, type: "c", access: "m")],
                memory: LinuxMemory(limit: 64 << 20), cpu: LinuxCPU(quota: 50_000), pids: LinuxPids(limit: 10)),
            [UnitProperty("TimeoutStopUSec", .uint64(7_000_000))])
        #expect(try scope.property("TasksMax") == .uint64(10))
        #expect(try scope.property("TimeoutStopUSec") == .uint64(7_000_000))
        #expect(try scope.property("DevicePolicy") == .string("strict"))
        try scope.driver.apply(LinuxResources(memory: LinuxMemory(limit: 32 << 20), pids: LinuxPids(limit: 20)))
        #expect(try scope.property("TasksMax") == .uint64(20))
        #expect(try scope.driver.stats().memory?.limit == 32 << 20)
        #expect(try scope.driver.stats().pids?.limit == 20)
        // What the file had stays when systemd is told something else.
        var manager = try SystemdManager.connect(user: false)
        try manager.setProperties(scope.unit, [UnitProperty("CPUWeight", .uint64(77))])
        #expect(try scope.driver.stats().pids?.limit == 20)
        try scope.driver.freeze()
        #expect(try scope.driver.isFrozen())
        try scope.driver.apply(LinuxResources(devices: [LinuxDeviceCgroup(allow: false)]))
        #expect(try scope.driver.isFrozen())
        try scope.driver.thaw()
        #expect(member.isRunning)
    }

    @Test func `a scope that failed makes room, a living one does not`() throws {
        let scope = try TestScope("again")
        let member = try scope.start()
        let other = try Member("exec sleep 1000", in: nil)
        let refusal = #expect(throws: CgroupError.self) {
            try scope.driver.establish(LinuxResources(), member: other.pid, properties: [])
        }
        #expect(refusal?.code == .bus("org.freedesktop.systemd1.UnitExists"))
        #expect(refusal?.message.contains(scope.unit) == true)
        #expect(member.isRunning)
        try scope.driver.kill()
        try scope.driver.delete()
        // Past its time a scope fails.
        let failing = try scope.start(LinuxResources(), [UnitProperty("RuntimeMaxUSec", .uint64(100_000))])
        try eventually("the scope has failed") { try scope.property("ActiveState") == .string("failed") }
        #expect(try failing.wait() == .signaled(15))
        try scope.driver.establish(LinuxResources(), member: other.pid, properties: [])
        #expect(try scope.driver.processes() == [other.pid])
    }

    @Test func `what systemd refuses is told`() throws {
        let scope = try TestScope("refused")
        let refusal = #expect(throws: CgroupError.self) {
            try scope.start(LinuxResources(), [UnitProperty("NoSuchThing", .byte(1))])
        }
        #expect(refusal?.message.contains("start systemd unit \"\(scope.unit)\": ") == true)
        #expect(refusal?.message.contains("NoSuchThing") == true)
        #expect(!scope.driver.exists)
    }

    @Test func `the bus leads to the same manager`() throws {
        guard Syscall.exists("/run/dbus/system_bus_socket") else { return }
        var connection = try DBusConnection.connect("/run/dbus/system_bus_socket")
        let hello = try connection.call(
            DBusMessage(
                call: "Hello", of: "org.freedesktop.DBus", at: "/org/freedesktop/DBus", to: "org.freedesktop.DBus", []))
        #expect(hello.first?.text?.hasPrefix(":") == true)
        let refusal = #expect(throws: CgroupError.self) {
            _ = try connection.call(
                DBusMessage(call: "NoSuch", of: "org.freedesktop.DBus", at: "/", to: "org.freedesktop.DBus", []))
        }
        #expect(refusal?.code == .bus("org.freedesktop.DBus.Error.UnknownMethod"))
    }
}
