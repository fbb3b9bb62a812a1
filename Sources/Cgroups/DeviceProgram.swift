// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Device access in v2: a BPF program that the kernel asks for every open and mknod of a device node.
///
/// The program looks at the rules from the last to the first and keeps, in a register, what of the requested access no
/// rule has decided yet. An allowing rule takes its part away and grants when nothing is left; a denying rule refuses
/// when it meets a part that is left. What is left at the end is denied.
///
/// Registers: R2 kind of the device, R3 undecided access, R4 major number, R5 minor number.
/// Context: `struct bpf_cgroup_dev_ctx` of linux/bpf.h: access << 16 | kind, major, minor, 32 bits each.
package struct DeviceProgram: Hashable, Sendable {
    /// One instruction, `struct bpf_insn`: opcode (8 bits), registers (source << 4 | destination), offset, immediate.
    package struct Instruction: Hashable, Sendable {
        package var opcode: UInt8
        package var registers: UInt8
        package var offset: Int16
        package var immediate: Int32

        /// The eight bytes as one little-endian number, the form in which the kernel takes them.
        package var encoded: UInt64 {
            UInt64(opcode) | UInt64(registers) << 8 | UInt64(UInt16(bitPattern: offset)) << 16
                | UInt64(UInt32(bitPattern: immediate)) << 32
        }
    }

    package private(set) var instructions: [Instruction] = []

    /// The program for rules of which the last that matches wins.
    package init(_ rules: [DeviceRule]) {
        load(register: Self.kind, offset: 0)
        emit(Opcode.move, Self.kind << 4 | Self.undecided)
        emit(Opcode.and, Self.kind, immediate: 0xFFFF)
        emit(Opcode.shiftRight, Self.undecided, immediate: 16)
        load(register: Self.major, offset: 4)
        load(register: Self.minor, offset: 8)
        for rule in rules.reversed() { append(rule) }
        answer(false)
    }

    private static let kind: UInt8 = 2
    private static let undecided: UInt8 = 3
    private static let major: UInt8 = 4
    private static let minor: UInt8 = 5

    /// See Documentation/bpf/standardization/instruction-set.rst of the kernel.
    private enum Opcode {
        /// destination = *(u32 *)(source + offset)
        static let load: UInt8 = 0x61
        /// 64-bit destination = source
        static let move: UInt8 = 0xBF
        /// 32-bit destination = immediate
        static let set: UInt8 = 0xB4
        /// 32-bit destination &= immediate
        static let and: UInt8 = 0x54
        /// 32-bit destination >>= immediate
        static let shiftRight: UInt8 = 0x74
        /// if destination != immediate goto offset
        static let jumpIfNotEqual: UInt8 = 0x55
        /// if destination & immediate goto offset
        static let jumpIfAny: UInt8 = 0x45
        static let jump: UInt8 = 0x05
        static let exit: UInt8 = 0x95
    }

    private mutating func append(_ rule: DeviceRule) {
        var body: [Instruction] = []
        if rule.allow {
            let rest = ~Int32(rule.access.rawValue)
            body.append(.init(opcode: Opcode.and, registers: Self.undecided, offset: 0, immediate: rest))
            body.append(.init(opcode: Opcode.jumpIfNotEqual, registers: Self.undecided, offset: 2, immediate: 0))
        } else {
            let part = Int32(rule.access.rawValue)
            body.append(.init(opcode: Opcode.jumpIfAny, registers: Self.undecided, offset: 1, immediate: part))
            body.append(.init(opcode: Opcode.jump, registers: 0, offset: 2, immediate: 0))
        }
        body.append(.init(opcode: Opcode.set, registers: 0, offset: 0, immediate: rule.allow ? 1 : 0))
        body.append(.init(opcode: Opcode.exit, registers: 0, offset: 0, immediate: 0))

        // Each condition jumps over those that follow it and over the body.
        var conditions: [(register: UInt8, value: Int32)] = [(Self.kind, rule.kind == .block ? 1 : 2)]
        if let major = rule.major { conditions.append((Self.major, Int32(bitPattern: major))) }
        if let minor = rule.minor { conditions.append((Self.minor, Int32(bitPattern: minor))) }
        for (index, condition) in conditions.enumerated() {
            let distance = conditions.count - index - 1 + body.count
            instructions.append(
                .init(
                    opcode: Opcode.jumpIfNotEqual, registers: condition.register, offset: Int16(distance),
                    immediate: condition.value))
        }
        instructions += body
    }

    private mutating func answer(_ allow: Bool) {
        emit(Opcode.set, 0, immediate: allow ? 1 : 0)
        emit(Opcode.exit)
    }

    private mutating func load(register: UInt8, offset: Int16) {
        instructions.append(.init(opcode: Opcode.load, registers: 1 << 4 | register, offset: offset, immediate: 0))
    }

    private mutating func emit(_ opcode: UInt8, _ registers: UInt8 = 0, immediate: Int32 = 0) {
        instructions.append(.init(opcode: opcode, registers: registers, offset: 0, immediate: immediate))
    }
}

extension DeviceProgram {
    /// Loads the program and makes it the only one of the cgroup. There is no moment without a program: an old one is
    /// replaced in one step, or removed after the new one is there.
    func attach(to directory: CgroupDirectory) throws(CgroupError) {
        let code = instructions.map(\.encoded)
        try CgroupError.attempt("set device rules of", directory.path) { () throws(Errno) in
            let cgroup = try Syscall.open(directory.path, [.directory])
            let program = try Syscall.loadDeviceProgram(code)
            let old = try Syscall.devicePrograms(cgroup: cgroup.rawValue)
            guard old.count == 1, let only = old.first else {
                try Syscall.attachDeviceProgram(program.rawValue, cgroup: cgroup.rawValue)
                for id in old {
                    let former = try Syscall.programDescriptor(id)
                    try Syscall.detachDeviceProgram(former.rawValue, cgroup: cgroup.rawValue)
                }
                return
            }
            let former = try Syscall.programDescriptor(only)
            try Syscall.attachDeviceProgram(program.rawValue, replacing: former.rawValue, cgroup: cgroup.rawValue)
        }
    }
}
