// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// An interpreter of classic BPF as seccomp uses it: struct seccomp_data in, the filter's answer out.
struct FilterMachine {
    var program: [UInt64]

    /// What the filter says of a call; nil when it runs off its end or meets an instruction it should not have.
    func answer(number: UInt32, architecture: UInt32 = 0xC000_003E, arguments: [UInt64] = []) -> UInt32? {
        // Number, architecture, instruction pointer, six arguments of 64 bits, low word first.
        var data: [UInt32] = [number, architecture, 0, 0]
        for index in 0..<6 {
            let argument = index < arguments.count ? arguments[index] : 0
            data += [UInt32(truncatingIfNeeded: argument), UInt32(argument >> 32)]
        }
        var (accumulator, index): (UInt32, Int) = (0, 0)
        var memory = [UInt32](repeating: 0, count: 16)
        var other: UInt32 = 0
        while program.indices.contains(index) {
            let step = program[index]
            let operand = UInt32(step >> 32)
            index += 1
            func jump(_ condition: Bool) { index += Int(condition ? step >> 16 & 0xFF : step >> 24 & 0xFF) }
            switch step & 0xFFFF {
            case 0x20: accumulator = data[Int(operand) / 4]
            case 0x15: jump(accumulator == operand)
            case 0x25: jump(accumulator > operand)
            case 0x35: jump(accumulator >= operand)
            case 0x45: jump(accumulator & operand != 0)
            case 0x54: accumulator &= operand
            case 0x05: index += Int(operand)
            case 0x02: memory[Int(operand)] = accumulator
            case 0x60: accumulator = memory[Int(operand)]
            case 0x07: other = accumulator
            case 0x87: accumulator = other
            case 0x06: return operand
            default: return nil
            }
        }
        return nil
    }
}
