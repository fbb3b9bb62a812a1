// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Synchronization
import Testing

@testable import ImageStore

/// What becomes of those who share in an operation.
@Suite struct SingleFlightTests {
    private final class Seen: Sendable {
        private let all = Mutex<[Int]>([])
        var reports: [Int] { all.withLock { $0 } }
        func add(_ report: Int) { all.withLock { $0.append(report) } }
    }

    @Test func whoIsCancelledHearsNothingMore() async throws {
        let flights = SingleFlight<String, Int, Int>()
        let steps = AsyncStream.makeStream(of: Int.self)
        let operation: SingleFlight<String, Int, Int>.Operation = { report in
            for await step in steps.stream { report(step) }
            return 7
        }
        let (stayed, left) = (Seen(), Seen())
        let stays = flights.join("a", observer: { stayed.add($0) }, operation)
        let leaves = Task { try await flights.run("a", observer: { left.add($0) }, operation) }
        leaves.cancel()
        // The operation cannot end yet.
        await #expect(throws: CancellationError.self) { try await leaves.value }
        steps.continuation.yield(1)
        steps.continuation.finish()
        #expect(try await stays.value() == 7)
        await stays.end()
        #expect(stayed.reports == [1])
        #expect(left.reports.isEmpty)
    }
}
