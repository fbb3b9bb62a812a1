// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The head of a filter: system calls with numbers above the newest that the profile names fail with ENOSYS, all others
/// go on to the filter behind it.
///
/// The program reads `struct seccomp_data` of linux/seccomp.h: the number of the call at offset 0, the architecture at 4.
/// For each architecture it is
///
///     if architecture != this: skip the block
///     load number
///     if number > newest: return ENOSYS
///     jump behind the stub
///
/// x32 shares the architecture of x86-64 and sets bit 30 in its numbers. Without x32 in the profile such numbers go on to
/// the filter, which treats them as a foreign architecture.
enum SeccompStub {
    /// The newest system call of an architecture (libseccomp's number of it) that a profile names.
    struct Newest: Hashable {
        var architecture: UInt32
        var number: UInt32
    }

    /// SECCOMP_RET_ERRNO of linux/seccomp.h.
    static let errno: UInt32 = 0x0005_0000
    private static let enosys: UInt32 = errno | 38

    static let x86_64: UInt32 = 0xC000_003E
    static let x32: UInt32 = 0x4000_003E
    private static let x32Bit: UInt32 = 0x4000_0000

    /// See Documentation/networking/filter.rst of the kernel.
    private enum Opcode {
        static let load: UInt16 = 0x20
        static let jumpIfEqual: UInt16 = 0x15
        static let jumpIfGreater: UInt16 = 0x25
        static let jumpIfAny: UInt16 = 0x45
        static let jump: UInt16 = 0x05
        static let answer: UInt16 = 0x06
    }

    /// Empty without any architecture.
    static func program(_ newest: [Newest]) -> [UInt64] {
        // Behind the last block lies the filter; each block is built when the distance to it is known.
        var program: [UInt64] = []
        for entry in newest.reversed() where entry.architecture != x32 {
            let x32Number = entry.architecture == x86_64 ? newest.first { $0.architecture == x32 }?.number : nil
            program = block(entry, x32Number: x32Number, behind: program.count) + program
        }
        return program.isEmpty ? [] : [instruction(Opcode.load, operand: 4)] + program
    }

    private static func block(_ newest: Newest, x32Number: UInt32?, behind: Int) -> [UInt64] {
        var body = comparison(newest.number, behind: behind)
        if newest.architecture == x86_64 {
            // Without x32: only the jump out for numbers with the bit.
            let alternative =
                x32Number.map { comparison($0, behind: behind + body.count) }
                ?? [instruction(Opcode.jump, operand: UInt32(behind + body.count))]
            let test = instruction(Opcode.jumpIfAny, ifFalse: UInt8(alternative.count), operand: x32Bit)
            body = [test] + alternative + body
        }
        body.insert(instruction(Opcode.load, operand: 0), at: 0)
        let test = instruction(Opcode.jumpIfEqual, ifFalse: UInt8(body.count), operand: newest.architecture)
        return [test] + body
    }

    /// Answers, or jumps over what is behind.
    private static func comparison(_ number: UInt32, behind: Int) -> [UInt64] {
        [
            instruction(Opcode.jumpIfGreater, ifFalse: 1, operand: number),
            instruction(Opcode.answer, operand: enosys),
            instruction(Opcode.jump, operand: UInt32(behind)),
        ]
    }

    private static func instruction(
        _ opcode: UInt16, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0, operand: UInt32
    ) -> UInt64 {
        UInt64(opcode) | UInt64(ifTrue) << 16 | UInt64(ifFalse) << 24 | UInt64(operand) << 32
    }
}
