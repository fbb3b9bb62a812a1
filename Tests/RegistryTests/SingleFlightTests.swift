// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Synchronization
import Testing

@testable import Registry

@Suite struct SingleFlightTests {
    @Test func callersShareOneResult() async throws {
        let flights = SingleFlight<String, Int>()
        let runs = Atomic(0)
        let gate = AsyncStream.makeStream(of: Void.self)
        let first = Task {
            try await flights.value("a") {
                for await _ in gate.stream { break }
                return runs.add(1, ordering: .relaxed).newValue
            }
        }
        // Whether the others join before or after the gate opens, each gets a result that was made for it.
        let others = (0..<10).map { _ in Task { try await flights.value("b") { 5 } } }
        for other in others { #expect(try await other.value == 5) }
        gate.continuation.yield()
        #expect(try await first.value == 1)
        // Results are not kept.
        #expect(try await flights.value("a") { 7 } == 7)
    }

    @Test func failuresAreShared() async {
        struct Broken: Error {}
        let flights = SingleFlight<String, Int>()
        await #expect(throws: Broken.self) { try await flights.value("a") { throw Broken() } }
    }

    @Test func lastCallerCancelsTheWork() async throws {
        let flights = SingleFlight<String, Int>()
        let began = AsyncStream.makeStream(of: Void.self)
        let ended = AsyncStream.makeStream(of: Bool.self)
        let caller = Task {
            try await flights.value("a") {
                began.continuation.yield()
                try? await Task.sleep(for: .seconds(3600))
                ended.continuation.yield(Task.isCancelled)
                return 1
            }
        }
        for await _ in began.stream { break }
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        for await cancelled in ended.stream {
            #expect(cancelled)
            break
        }
    }

    @Test func cancelledCallerLeavesTheOthersAlone() async throws {
        let flights = SingleFlight<String, Int>()
        let began = AsyncStream.makeStream(of: Void.self)
        let gate = AsyncStream.makeStream(of: Void.self)
        let work: @Sendable () async throws -> Int = {
            began.continuation.yield()
            for await _ in gate.stream { break }
            try Task.checkCancellation()
            return 1
        }
        let stays = Task { try await flights.value("a", work) }
        for await _ in began.stream { break }
        let leaves = Task { try await flights.value("a", work) }
        leaves.cancel()
        await #expect(throws: CancellationError.self) { try await leaves.value }
        gate.continuation.yield()
        #expect(try await stays.value == 1)
    }

    @Test func cancelledBeforehandNeverBegins() async {
        let flights = SingleFlight<String, Int>()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await flights.value("a") { 1 }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
