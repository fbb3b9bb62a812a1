// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import OCIRuntimeSpec
import TestSupport
import Testing

@testable import Cgroups

/// What every driver does, on every arrangement that the host has.
@Suite(.requiresRoot) struct DriverTests {
    @Test(arguments: Arrangement.available)
    func `a cgroup is made, holds processes, and is removed`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement, create: false)
        let driver = cgroup.driver
        #expect(!driver.exists)
        #expect(try driver.processes() == [])
        try driver.delete()
        try driver.create()
        try driver.create()
        try driver.requireUnused()
        for subtree in driver.location.subtrees { #expect(CgroupDirectory(subtree.directory).exists) }

        let member = try cgroup.run("exec sleep 1000")
        #expect(try driver.processes() == [member.pid])
        #expect(try cgroup.layout.location(ofProcess: member.pid) == driver.location)
        let refusal = CgroupError(.busy, "container's cgroup is not empty: 1 process(es) found")
        #expect(throws: refusal) { try driver.requireUnused() }
        #expect(throws: CgroupError.self) { try driver.delete(milliseconds: 1) }

        try driver.kill()
        #expect(try member.wait() == .signaled(9))
        try driver.delete()
        #expect(!driver.exists)
        for subtree in driver.location.subtrees { #expect(!CgroupDirectory(subtree.directory).exists) }
    }

    @Test(arguments: Arrangement.available)
    func `cgroups below belong to the cgroup`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        let inner = try cgroup.driver.location.child("a/b").driver()
        try inner.create()
        let member = try Member("exec sleep 1000", in: inner)
        #expect(try cgroup.driver.processes() == [member.pid])
        try cgroup.driver.kill()
        #expect(try member.wait() == .signaled(9))
        try cgroup.driver.delete()
        #expect(!inner.exists)
    }

    /// As crun makes it, which knows nothing of the unified hierarchy beside v1.
    @Test(.enabled(if: Arrangement.available.contains(.legacyOnly), "the host is hybrid"))
    func `a cgroup that the unified hierarchy lacks has members all the same`() throws {
        let cgroup = try TestCgroup(.legacyOnly)
        let member = try cgroup.run("exec sleep 1000")
        let driver = try CgroupLayout.detect().location(cgroup.name).driver()
        #expect(driver.unified?.exists == false)
        #expect(driver.exists)
        #expect(try driver.processes() == [member.pid])
        try driver.kill()
        #expect(try member.wait() == .signaled(9))
        try driver.delete()
        #expect(!driver.exists)
    }

    @Test(arguments: Arrangement.available)
    func `a failed creation leaves nothing behind`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement, create: false)
        // The kernel refuses a newline in the name of a cgroup.
        let driver = try cgroup.driver.location.child("a/b\n").driver()
        #expect(throws: CgroupError.self) { try driver.create() }
        for subtree in cgroup.driver.location.subtrees { #expect(!CgroupDirectory(subtree.directory).exists) }
    }

    @Test(.enabled(if: Syscall.exists("/sys/fs/cgroup/cpuset/cpuset.cpus"), "needs the cpuset controller of cgroup v1"))
    func `a parent that another has just made is filled`() throws {
        let cgroup = try TestCgroup(create: false)
        let parent = try #require(cgroup.driver.location.directory(controller: "cpuset"))
        try Syscall.makeDirectory(parent)
        let child = try cgroup.driver.location.child("a").driver()
        try child.create()
        let member = try Member("exec sleep 1000", in: child)
        #expect(try cgroup.driver.processes() == [member.pid])
        #expect(try Syscall.readText("\(parent)/cpuset.cpus") == Syscall.readText("\(parent)/a/cpuset.cpus"))
    }

    @Test(arguments: Arrangement.available)
    func `frozen processes stand still until they are thawed`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        // v2 lets a frozen process die of a signal, but not handle one.
        let member = try cgroup.run("trap 'exit 7' TERM; while :; do :; done")
        try eventually("the trap is set") { try ProcStat.catches(.terminate, member.pid) }
        try cgroup.driver.freeze()
        #expect(try cgroup.driver.isFrozen())
        let before = try ProcStat.cpuTime(member.pid)
        try member.process.pidfd.send(.terminate)
        #expect(member.isRunning)
        #expect(try ProcStat.cpuTime(member.pid) == before)
        try cgroup.driver.thaw()
        #expect(try !cgroup.driver.isFrozen())
        #expect(try member.wait() == .exited(7))
    }

    @Test(arguments: Arrangement.available)
    func `a frozen cgroup is refused, and can be killed`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        try cgroup.driver.freeze()
        let refusal = CgroupError(.busy, "container's cgroup unexpectedly frozen")
        #expect(throws: refusal) { try cgroup.driver.requireUnused() }
        try cgroup.driver.thaw()
        let member = try cgroup.run("exec sleep 1000")
        try cgroup.driver.freeze()
        try cgroup.driver.kill()
        #expect(try member.wait() == .signaled(9))
    }

    @Test(arguments: Arrangement.available, [false, true])
    func `what is left of a cgroup can be killed and removed`(_ arrangement: Arrangement, lastFirst: Bool) throws {
        let cgroup = try TestCgroup(arrangement)
        let directories = cgroup.driver.location.subtrees.map { CgroupDirectory($0.directory) }
        for cut in directories.indices {
            try cgroup.driver.create()
            let gone = (lastFirst ? directories.reversed() : directories).prefix(cut)
            for directory in gone { directory.removeIfEmpty() }
            try cgroup.driver.kill()
            try cgroup.driver.delete()
            #expect(directories.allSatisfy { !$0.exists })
        }
    }

    @Test(arguments: Arrangement.available)
    func `a signal reaches every process`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        let member = try cgroup.run("sleep 1000 & sleep 1000 & sleep 1000 & wait")
        try eventually("four processes") { try cgroup.driver.processes().count == 4 }
        try cgroup.driver.signalAll(.terminate)
        #expect(try member.wait() == .signaled(15))
        try eventually("no process") { try cgroup.driver.processes().isEmpty }
    }

    @Test(arguments: Arrangement.available)
    func `processes that multiply are killed to the last`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        let member = try cgroup.run("f() { sleep 1 & f & sleep 0.1; }; i=0; while :; do sleep 0.5 & done")
        try eventually("ten processes") { try cgroup.driver.processes().count > 10 }
        try cgroup.driver.kill()
        #expect(try cgroup.driver.processes().isEmpty)
        #expect(try member.wait() == .signaled(9))
    }

    @Test(arguments: Arrangement.available)
    func `a process is born only in the unified hierarchy`(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        #expect(try (cgroup.driver.entrance().birthPlace == nil) == (cgroup.driver.unified == nil))
    }

    @Test func `a cgroup that is not there has no entrance`() throws {
        let cgroup = try TestCgroup(create: false)
        #expect(throws: CgroupError.self) { try cgroup.driver.entrance() }
    }

    /// Of a container that may make cgroups in its own.
    @Test(arguments: Arrangement.available)
    func whatIsTooDeepForAPathIsFoundAndRemoved(_ arrangement: Arrangement) throws {
        let cgroup = try TestCgroup(arrangement)
        let top = cgroup.driver.members.path
        var current = SharedFD(try Syscall.open(top, .directory))
        let name = String(repeating: "d", count: 200)
        for _ in 0..<30 {
            try Syscall.makeDirectory(name, at: current.rawValue)
            current = SharedFD(try Syscall.open(name, .directory, at: current.rawValue))
        }
        try Syscall.makeDirectory(RawName([0x61, 0xff, 0x62]), mode: 0o755, at: current.rawValue)
        let member = try Member("exec sleep 1000", in: nil)
        try Syscall.writeExisting("\(current.descriptor.procPath)/cgroup.procs", "\(member.pid)")
        current = SharedFD(try Syscall.open(top, .directory))
        #expect(try cgroup.driver.processes() == [member.pid])
        try cgroup.driver.kill()
        _ = try member.wait()
        try cgroup.driver.delete()
        #expect(!Syscall.exists(top))
    }
}

extension ProcStat {
    /// Whether the process has a handler for the signal: the mask SigCgt of proc_pid_status(5).
    static func catches(_ signal: Signal, _ pid: Int32) throws -> Bool {
        let status = try Syscall.readText("/proc/\(pid)/status").split(separator: "\n")
        let mask = status.first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last ?? ""
        return UInt64(mask, radix: 16).map { $0 >> UInt64(signal.rawValue - 1) & 1 == 1 } ?? false
    }

    /// Clock ticks of user and system time, fields 14 and 15.
    static func cpuTime(_ pid: Int32) throws -> [Substring] {
        let text = try Syscall.readText("/proc/\(pid)/stat")
        return Array(text.split(separator: ")").last?.split(separator: " ")[11...12] ?? [])
    }
}
