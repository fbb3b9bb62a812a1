// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Numbers by chance, for one seed the same in each run: SplitMix64.
package struct Chance: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    package mutating func one(of choices: [String]) -> String { choices[Int(next() % UInt64(choices.count))] }

    package mutating func number(below end: Int) -> Int { Int(next() % UInt64(end)) }

    /// Eight for each of `words`, which do not compress.
    package mutating func bytes(words: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words * 8)
        for _ in 0..<words {
            let word = next()
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * shift))) }
        }
        return bytes
    }
}
