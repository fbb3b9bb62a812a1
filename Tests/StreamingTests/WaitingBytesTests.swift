// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import Streaming

@Suite struct WaitingBytesTests {
    @Test(arguments: [1, 7, 16_383, 16_384, 16_385, 70_000])
    func theyComeOutAsTheyWentIn(_ size: Int) {
        var waiting = WaitingBytes()
        let all = (0..<5 * size).map { UInt8(truncatingIfNeeded: $0 * 31 >> 3) }
        var taken: [UInt8] = []
        for start in stride(from: 0, to: all.count, by: size) {
            waiting.append(all[start..<start + size])
            // Half of what there is, in whatever pieces.
            let first = waiting.first?.prefix(size / 2 + 1) ?? []
            taken += first
            waiting.drop(first.count)
            #expect(taken.count + waiting.count == start + size)
        }
        while let first = waiting.first {
            taken += first
            waiting.drop(first.count)
        }
        #expect(taken == all && waiting.count == 0)
    }

    /// A byte of every read, of which the rest went elsewhere.
    @Test func whatCameWithThemIsNotKept() {
        var waiting = WaitingBytes()
        for _ in 0..<1000 { waiting.append([UInt8](repeating: 1, count: 65_536)[100..<101]) }
        #expect(waiting.count == 1000 && waiting.capacity < 4096)
    }
}
