// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Synchronization
import TestSupport
import Testing

@testable import CRIService

/// What happened, in the order in which it did.
private final class Journal: Sendable {
    private let entries = Mutex<[String]>([])
    var all: [String] { entries.withLock { $0 } }
    func add(_ entry: String) { entries.withLock { $0.append(entry) } }
}

struct CreationsTests {
    struct Failure: Error, Equatable {}

    private let journal = Journal()
    private let gate = Promise<String>()

    /// A creation whose body makes what the gate lets through.
    private func start(_ creations: Creations, _ name: String = "web") -> Task<String, any Error> {
        let (journal, gate) = (journal, gate)
        return Task {
            try await creations.run(name) {
                journal.add("undo \($0)")
            } _: {
                journal.add("make")
                return try await gate.value
            }
        }
    }

    /// Waits until it is so; the test's time limit ends what never comes.
    private func wait(until condition: () -> Bool) async throws {
        while !condition() { try await Task.sleep(for: .milliseconds(2)) }
    }

    private func makes() -> Int { journal.all.count { $0 == "make" } }

    @Test(.timeLimit(.minutes(1))) func aSecondRequestJoinsTheFirst() async throws {
        let creations = Creations(patience: .seconds(600))
        let first = start(creations)
        try await wait { makes() == 1 }
        let second = start(creations)
        gate.succeed("id")
        #expect(try await first.value == "id")
        #expect(try await second.value == "id")
        #expect(journal.all.filter { $0.hasPrefix("undo") } == [])
    }

    /// Whoever joins hears nothing of it; the engine counts it, with how far the creation was then.
    @Test(.timeLimit(.minutes(1))) func requestsThatHaveToWaitAreCounted() async throws {
        let (stalls, entered) = (Journal(), Promise<Void>())
        let creations = Creations(patience: .seconds(600)) { stalls.add($0) }
        let (journal, gate) = (journal, gate)
        @Sendable func run(_ name: String) async throws -> String {
            try await creations.run(name) { _ in
            } _: {
                journal.add("make")
                CreationStage.enter("container storage creation")
                entered.succeed(())
                return try await Work { try await gate.value }.value
            }
        }
        let first = Task { try await run("web") }
        try await entered.value
        let others = [Task { try await run("web") }, Task { try await run("web") }]
        try await wait { stalls.all.count == 2 }
        gate.succeed("id")
        for task in [first] + others { #expect(try await task.value == "id") }
        #expect(makes() == 1)
        #expect(try await run("other") == "id")
        #expect(stalls.all == ["container storage creation", "container storage creation"])
        // Outside of a creation it means nothing.
        CreationStage.enter("nowhere")
    }

    @Test(.timeLimit(.minutes(1))) func anotherNameIsAnotherCreation() async throws {
        let creations = Creations(patience: .seconds(600))
        let tasks = [start(creations, "a"), start(creations, "b")]
        try await wait { makes() == 2 }
        gate.succeed("id")
        for task in tasks { #expect(try await task.value == "id") }
    }

    @Test(.timeLimit(.minutes(1))) func allWhoWaitGetTheError() async throws {
        let creations = Creations(patience: .seconds(600))
        let tasks = [start(creations), start(creations)]
        try await wait { makes() == 1 }
        gate.complete(.failure(Failure()))
        for task in tasks { await #expect(throws: Failure()) { try await task.value } }
        // The name is free again.
        let id = try await creations.run("web") { _ in
        } _: {
            "next"
        }
        #expect(id == "next")
    }

    @Test(.timeLimit(.minutes(1))) func cancellingOneLeavesTheOther() async throws {
        let creations = Creations(patience: .zero)
        let first = start(creations)
        try await wait { makes() == 1 }
        let second = start(creations)
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.succeed("id")
        #expect(try await second.value == "id")
    }

    @Test(.timeLimit(.minutes(1))) func anAbandonedCreationIsKeptForTheRetry() async throws {
        let creations = Creations(patience: .seconds(600))
        let first = start(creations)
        try await wait { makes() == 1 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.succeed("id")
        #expect(try await start(creations).value == "id")
        #expect(journal.all == ["make"])
    }

    @Test(.timeLimit(.minutes(1))) func whatNobodyComesBackForIsUndone() async throws {
        let creations = Creations(patience: .milliseconds(1))
        let first = start(creations)
        try await wait { makes() == 1 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.succeed("id")
        try await wait { journal.all.contains("undo id") }
        #expect(try await start(creations).value == "id")
        #expect(journal.all == ["make", "undo id", "make"])
    }

    @Test(.timeLimit(.minutes(1))) func aRetryThatGivesUpTooLeavesNothing() async throws {
        let creations = Creations(patience: .milliseconds(1))
        for _ in 0..<3 {
            let task = start(creations)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        gate.succeed("id")
        try await wait { journal.all.count { $0 == "undo id" } == makes() && makes() > 0 }
    }

    @Test(.timeLimit(.minutes(1)), arguments: 0..<200)
    func whoeverGivesUpAtTheLastMomentLeavesNothing(_: Int) async throws {
        let creations = Creations(patience: .zero)
        let task = start(creations)
        try await wait { makes() == 1 }
        async let made: Void = gate.succeed("id")
        task.cancel()
        await made
        // Either somebody has the result, or it is undone.
        if case .failure = await task.result { try await wait { journal.all.contains("undo id") } }
    }

    @Test(.timeLimit(.minutes(1))) func aForgottenResultIsNotHandedOut() async throws {
        let creations = Creations(patience: .seconds(600))
        let first = start(creations)
        try await wait { makes() == 1 }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        gate.succeed("id")
        await creations.forget("web")
        #expect(try await start(creations).value == "id")
        #expect(makes() == 2)
    }
}

struct WaitingTests {
    @Test(.timeLimit(.minutes(1))) func aPromiseIsKeptOnce() async throws {
        let promise = Promise<Int>()
        let waiter = Task { try await promise.value }
        #expect(!promise.isComplete)
        promise.succeed(1)
        promise.succeed(2)
        #expect(promise.isComplete)
        #expect(try await waiter.value == 1)
        #expect(try await promise.value == 1)
    }

    @Test(.timeLimit(.minutes(1))) func workGoesOnWithoutThoseWhoWait() async throws {
        let gate = Promise<Int>()
        let work = Work { try await gate.value }
        let waiter = Task { try await work.value }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        gate.succeed(7)
        #expect(try await work.value == 7)
    }

    @Test(.timeLimit(.minutes(1))) func aDeadlineIsOnlyShortened() async throws {
        let end = Promise<Void>()
        let deadline = StopDeadline(after: .seconds(3600))
        let waiter = Task { await deadline.wait(for: end) }
        deadline.shorten(to: .seconds(7200))
        deadline.shorten(to: .zero)
        #expect(await waiter.value == false)
        deadline.shorten(to: .seconds(3600))
        #expect(await deadline.wait(for: end) == false)
        end.succeed(())
        #expect(await deadline.wait(for: end))
    }

    @Test(.timeLimit(.minutes(1))) func theEndComesBeforeTheDeadline() async throws {
        let end = Promise<Void>()
        let deadline = StopDeadline(after: .seconds(3600))
        let waiter = Task { await deadline.wait(for: end) }
        end.succeed(())
        #expect(await waiter.value)
    }
}
