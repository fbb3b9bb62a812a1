// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Confinement

/// Filters as the kernel would run them, for calls of x86-64 by number.
@Suite struct SeccompFilterTests {
    private let allow: UInt32 = 0x7FFF_0000
    private func errno(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }

    private func machine(_ spec: LinuxSeccomp) throws -> FilterMachine {
        FilterMachine(program: try SeccompFilter(spec).program)
    }

    @Test(
        arguments: [
            (LinuxSeccompAction.kill, nil, 0), (.killThread, nil, 0), (.killProcess, nil, 0x8000_0000),
            (.trap, nil, 0x0003_0000), (.errno, nil, 0x0005_0001), (.errno, 0, 0x0005_0000), (.errno, 95, 0x0005_005F),
            (.trace, 7, 0x7FF0_0007), (.log, nil, 0x7FFC_0000), (.notify, nil, 0x7FC0_0000),
        ] as [(LinuxSeccompAction, UInt32?, UInt32)])
    func `every action has the kernel's value`(
        _ action: LinuxSeccompAction, _ data: UInt32?, _ expected: UInt32
    ) throws {
        let machine = try machine(
            .init(defaultAction: .allow, syscalls: [.init(names: ["mkdir"], action: action, errnoRet: data)]))
        #expect(machine.answer(number: 83) == expected)
        #expect(machine.answer(number: 84) == allow)
    }

    @Test func `the default is EPERM, and ENOSYS for calls newer than all that are named`() throws {
        let machine = try machine(
            .init(defaultAction: .errno, syscalls: [.init(names: ["read", "openat2", "no_such_call"], action: .allow)]))
        #expect(machine.answer(number: 0) == allow)
        #expect(machine.answer(number: 1) == errno(1))
        #expect(machine.answer(number: 437) == allow)
        #expect(machine.answer(number: 438) == errno(38))
        #expect(machine.answer(number: 100_000) == errno(38))
        // Calls of x32 and of i386 are foreign: the default answer of libseccomp is to kill.
        #expect(machine.answer(number: 0x4000_0000) == 0)
        #expect(machine.answer(number: 3, architecture: 0x4000_0003) == 0)
    }

    @Test func `each architecture has its own newest call`() throws {
        let machine = try machine(
            .init(
                defaultAction: .errno, architectures: [.x86_64, .x86, .x32],
                syscalls: [.init(names: ["read", "openat2", "waitpid"], action: .allow)]))
        #expect(machine.answer(number: 438) == errno(38))
        #expect(machine.answer(number: 436) == errno(1))
        // i386: waitpid is 7 and exists there only, openat2 is 437 as well.
        #expect(machine.answer(number: 7, architecture: 0x4000_0003) == allow)
        #expect(machine.answer(number: 438, architecture: 0x4000_0003) == errno(38))
        #expect(machine.answer(number: 0x4000_0000) == allow)
        #expect(machine.answer(number: 0x4000_0000 + 437) == allow)
        #expect(machine.answer(number: 0x4000_0000 + 438) == errno(38))
        #expect(machine.answer(number: 0x4000_0000 + 436) == errno(1))
    }

    @Test func `a profile that is open or says ENOSYS needs no head`() throws {
        let open = try machine(.init(defaultAction: .allow, syscalls: [.init(names: ["mkdir"], action: .errno)]))
        #expect(open.answer(number: 5000) == allow)
        let said = try machine(
            .init(defaultAction: .errno, defaultErrnoRet: 38, syscalls: [.init(names: ["read"], action: .allow)]))
        #expect(said.answer(number: 1) == errno(38))
        let other = try machine(
            .init(defaultAction: .errno, defaultErrnoRet: 5, syscalls: [.init(names: ["write"], action: .allow)]))
        #expect(other.answer(number: 0) == errno(5))
    }

    @Test(
        arguments: [
            (LinuxSeccompOperator.equal, 8, 8, true), (.equal, 8, 9, false), (.notEqual, 8, 9, true),
            (.less, 8, 7, true), (.less, 8, 8, false), (.lessOrEqual, 8, 8, true), (.greater, 8, 9, true),
            (.greater, 8, 8, false), (.greaterOrEqual, 8, 8, true), (.equal, 1 << 33, 1 << 33, true),
            (.equal, 1 << 33, 0, false),
        ] as [(LinuxSeccompOperator, UInt64, UInt64, Bool)])
    func `arguments are compared`(
        _ op: LinuxSeccompOperator, _ value: UInt64, _ given: UInt64, _ matches: Bool
    ) throws {
        let machine = try machine(
            .init(
                defaultAction: .errno,
                syscalls: [
                    .init(
                        names: ["personality"], action: .allow,
                        args: [.init(index: 0, value: value, valueTwo: nil, op: op)])
                ]))
        #expect(machine.answer(number: 135, arguments: [given]) == (matches ? allow : errno(1)))
    }

    @Test func `a masked comparison takes the mask first`() throws {
        // clone without the flags of namespaces, as in the common profiles.
        let machine = try machine(
            .init(
                defaultAction: .errno,
                syscalls: [
                    .init(
                        names: ["clone"], action: .allow,
                        args: [.init(index: 0, value: 0x7E02_0000, valueTwo: 0, op: .maskedEqual)])
                ]))
        #expect(machine.answer(number: 56, arguments: [0x11]) == allow)
        #expect(machine.answer(number: 56, arguments: [0x1000_0000]) == errno(1))
    }

    @Test func `conditions on different arguments are all needed, on one they are alternatives`() throws {
        func rule(_ args: [LinuxSeccompArg]) -> LinuxSyscall {
            .init(names: ["socket"], action: .allow, args: args)
        }
        let both = try machine(
            .init(
                defaultAction: .errno,
                syscalls: [rule([.init(index: 0, value: 1, op: .equal), .init(index: 1, value: 2, op: .equal)])]))
        #expect(both.answer(number: 41, arguments: [1, 2]) == allow)
        #expect(both.answer(number: 41, arguments: [1, 3]) == errno(1))
        let either = try machine(
            .init(
                defaultAction: .errno,
                syscalls: [rule([.init(index: 0, value: 1, op: .equal), .init(index: 0, value: 2, op: .equal)])]))
        #expect(either.answer(number: 41, arguments: [1]) == allow)
        #expect(either.answer(number: 41, arguments: [2]) == allow)
        #expect(either.answer(number: 41, arguments: [3]) == errno(1))
    }

    @Test func `a rule that says what happens anyway is left out`() throws {
        let machine = try machine(
            .init(defaultAction: .errno, syscalls: [.init(names: ["mkdir"], action: .errno, errnoRet: 1)]))
        #expect(machine.answer(number: 83) == errno(1))
    }

    @Test func `flags are the kernel's`() throws {
        func flags(_ flags: [LinuxSeccompFlag], notify: Bool) throws -> UInt32 {
            let rules = notify ? [LinuxSyscall(names: ["mkdir"], action: .notify)] : []
            return try SeccompFilter(.init(defaultAction: .allow, flags: flags, syscalls: rules)).flags
        }
        #expect(try flags([], notify: false) == 0)
        #expect(try flags([.tsync, .log, .specAllow, .waitKillableRecv], notify: false) == 0b111)
        #expect(try flags([], notify: true) == 8)
        #expect(try flags([.tsync, .waitKillableRecv], notify: true) == 1 | 8 | 16 | 32)
        #expect(try SeccompFilter(.init(defaultAction: .allow)).hasListener == false)
    }

    @Test(arguments: [
        LinuxSeccomp(defaultAction: .notify),
        LinuxSeccomp(defaultAction: .allow, syscalls: [.init(names: ["mkdir", "write"], action: .notify)]),
        LinuxSeccomp(
            defaultAction: .allow,
            syscalls: [.init(names: ["mkdir"], action: .errno, args: [.init(index: 6, value: 0, op: .equal)])]),
    ])
    func `what cannot work is refused`(_ spec: LinuxSeccomp) {
        #expect(throws: ConfinementError.self) { try SeccompFilter(spec) }
    }
}
