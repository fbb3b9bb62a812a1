// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIRuntimeSpec
import Testing

@testable import Cgroups

@Suite struct DeviceAccessTests {
    private func plan(_ rules: [LinuxDeviceCgroup], list: String = "a *:* rwm") throws -> [String] {
        try DevicesController.legacyPlan(.init(devices: rules), CgroupView(["devices.list": list]))
            .map { "\($0.file) \($0.value)" }
    }

    private let null = LinuxDeviceCgroup(allow: true, type: "c", major: 1, minor: 3, access: "rwm")
    private let all = LinuxDeviceCgroup(allow: true, access: "rwm")
    private let none = LinuxDeviceCgroup(allow: false, type: "a", access: "rwm")

    @Test func `a new cgroup is closed, then opened for what is allowed`() throws {
        #expect(try plan([none, null]) == ["devices.deny a", "devices.allow c 1:3 rwm"])
        #expect(try plan([null]) == ["devices.deny a", "devices.allow c 1:3 rwm"])
        #expect(try plan([]) == ["devices.deny a"])
    }

    @Test func `the last rule for everything decides the default`() throws {
        #expect(try plan([null, none]) == ["devices.deny a"])
        #expect(try plan([none, all]) == [])
        #expect(try plan([all] + DeviceRule.standard) == [])
        #expect(try plan([all], list: "c 1:3 rwm") == ["devices.allow a"])
    }

    @Test func `a denial takes a part away`() throws {
        let write = LinuxDeviceCgroup(allow: false, type: "c", major: 1, minor: 3, access: "w")
        #expect(try plan([null, write]) == ["devices.deny a", "devices.allow c 1:3 rm"])
        #expect(try plan([all, write]) == ["devices.allow a", "devices.deny c 1:3 w"])
        // All character devices at once.
        #expect(try plan([null, .init(allow: false, type: "c")]) == ["devices.deny a"])
    }

    @Test func `what v1 cannot express is refused`() {
        let any = LinuxDeviceCgroup(allow: true, type: "c", major: 1, access: "rw")
        let one = LinuxDeviceCgroup(allow: false, type: "c", major: 1, minor: 3, access: "w")
        #expect(throws: CgroupError.self) { try plan([any, one]) }
    }

    @Test func `an update allows before it denies and leaves the rest alone`() throws {
        let zero = LinuxDeviceCgroup(allow: true, type: "c", major: 1, minor: 5, access: "rwm")
        #expect(
            try plan([null, zero], list: "c 1:3 rwm\nb *:* m")
                == ["devices.allow c 1:5 rwm", "devices.deny b *:* m"])
        #expect(try plan([null], list: "c 1:3 rwm") == [])
    }

    @Test(arguments: [
        LinuxDeviceCgroup(allow: true, type: "x"), LinuxDeviceCgroup(allow: true, access: "q"),
        LinuxDeviceCgroup(allow: true, major: 1 << 40),
    ])
    func `a malformed rule is refused`(_ rule: LinuxDeviceCgroup) {
        #expect(throws: CgroupError.self) { try DeviceRule.parse([rule]) }
    }
}

@Suite struct DeviceProgramTests {
    @Test func `the program for no rules denies`() {
        #expect(
            DeviceProgram([]).instructions.map { String($0.encoded, radix: 16) }
                == [
                    "1261",  // r2 = context.access_type
                    "23bf",  // r3 = r2
                    "ffff00000254",  // r2 &= 0xffff
                    "1000000374",  // r3 >>= 16
                    "41461",  // r4 = context.major
                    "81561",  // r5 = context.minor
                    "b4",  // r0 = 0
                    "95",  // exit
                ])
    }

    @Test func `one rule is three comparisons and an answer`() {
        let rule = DeviceRule(allow: true, kind: .character, major: 1, minor: 3, access: [.read, .write])
        #expect(
            DeviceProgram([rule]).instructions.dropFirst(6).dropLast(2).map { String($0.encoded, radix: 16) }
                == [
                    "200060255",  // if r2 != character goto +6
                    "100050455",  // if r4 != 1 goto +5
                    "300040555",  // if r5 != 3 goto +4
                    "fffffff900000354",  // r3 &= ~(read | write)
                    "20355",  // if r3 != 0 goto +2
                    "1000000b4",  // r0 = 1
                    "95",  // exit
                ])
    }

    /// The meaning of rules in words: each part of the access is decided by the last rule that matches it.
    private func isAllowed(_ rules: [DeviceRule], _ request: DeviceRule) -> Bool {
        [DeviceRule.Access.mknod, .read, .write].filter(request.access.contains).allSatisfy { part in
            rules.last {
                $0.kind == request.kind && ($0.major ?? request.major) == request.major
                    && ($0.minor ?? request.minor) == request.minor && $0.access.contains(part)
            }?.allow ?? false
        }
    }

    @Test func `the program answers as the rules say`() {
        var random = SystemRandomNumberGenerator()
        func rule(wild: Bool) -> DeviceRule {
            DeviceRule(
                allow: .random(using: &random), kind: .random(using: &random) ? .character : .block,
                major: wild && .random(using: &random) ? nil : .random(in: 0...2, using: &random),
                minor: wild && .random(using: &random) ? nil : .random(in: 0...2, using: &random),
                access: DeviceRule.Access(rawValue: .random(in: 1...7, using: &random)))
        }
        var mistakes: [String] = []
        for _ in 0..<1000 {
            let rules = (0..<Int.random(in: 0...6)).map { _ in rule(wild: true) }
            let program = DeviceProgram(rules)
            for _ in 0..<20 {
                let request = rule(wild: false)
                if run(program, request) != isAllowed(rules, request) { mistakes.append("\(rules) \(request)") }
            }
        }
        #expect(mistakes.isEmpty)
    }

    /// An interpreter of the few instructions that occur.
    private func run(_ program: DeviceProgram, _ request: DeviceRule) -> Bool? {
        let kind: UInt64 = request.kind == .block ? 1 : 2
        let context: [Int16: UInt64] = [
            0: UInt64(request.access.rawValue) << 16 | kind, 4: UInt64(request.major ?? 0),
            8: UInt64(request.minor ?? 0),
        ]
        var registers = [UInt64](repeating: 0, count: 11)
        var index = 0
        while program.instructions.indices.contains(index) {
            let step = program.instructions[index]
            let destination = Int(step.registers & 15)
            let immediate = UInt64(bitPattern: Int64(step.immediate))
            index += 1
            switch step.opcode {
            case 0x61: registers[destination] = context[step.offset] ?? 0
            case 0xBF: registers[destination] = registers[Int(step.registers >> 4)]
            case 0xB4: registers[destination] = immediate & 0xFFFF_FFFF
            case 0x54: registers[destination] &= immediate & 0xFFFF_FFFF
            case 0x74: registers[destination] >>= immediate
            case 0x55: if registers[destination] != immediate { index += Int(step.offset) }
            case 0x45: if registers[destination] & immediate != 0 { index += Int(step.offset) }
            case 0x05: index += Int(step.offset)
            case 0x95: return registers[0] == 1
            default: return nil
            }
        }
        return nil
    }
}
