// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Creations in flight by name. A second request for a name joins the first and gets its result. A creation whose every
/// client went away is finished all the same and kept for the retry; when none comes, it is undone.
actor Creations {
    private struct Slot {
        var work: Work<String>
        var stage: CreationStage
        var waiters = 0
        /// Tells a slot from a later one of the same name.
        var number: Int
        var undo: @Sendable (String) async -> Void
    }

    private var slots: [String: Slot] = [:]
    private var count = 0
    private let patience: Duration
    private let onStall: @Sendable (String) -> Void

    /// `patience` is how long an abandoned creation is kept. `onStall` hears how far a creation is that another request joins.
    init(patience: Duration = .seconds(120), onStall: @escaping @Sendable (String) -> Void = { _ in }) {
        self.patience = patience
        self.onStall = onStall
    }

    /// The id that the body, or an earlier one of the same name that nobody got the result of, has made. Throws
    /// CancellationError when the waiting task is cancelled; the creation goes on.
    func run(
        _ name: String, undo: @escaping @Sendable (String) async -> Void,
        _ body: @escaping @Sendable () async throws -> String
    ) async throws -> String {
        let slot = join(name, undo, body)
        do {
            let id = try await slot.work.value
            leave(name, slot.number, gotResult: true)
            return id
        } catch let error as CancellationError {
            leave(name, slot.number, gotResult: false)
            throw error
        } catch {
            leave(name, slot.number, gotResult: true)
            throw error
        }
    }

    /// What was made under the name is gone; a kept result must not be handed out any more.
    func forget(_ name: String) {
        if let slot = slots[name], slot.waiters == 0 { slots[name] = nil }
    }

    private func join(
        _ name: String, _ undo: @escaping @Sendable (String) async -> Void,
        _ body: @escaping @Sendable () async throws -> String
    ) -> Slot {
        if var slot = slots[name] {
            slot.waiters += 1
            slots[name] = slot
            if let stage = slot.stage.now { onStall(stage) }
            return slot
        }
        count += 1
        let stage = CreationStage()
        let slot = Slot(
            work: Work { try await stage.during(body) }, stage: stage, waiters: 1, number: count, undo: undo)
        slots[name] = slot
        Task { await self.finish(name, slot) }
        return slot
    }

    private func leave(_ name: String, _ number: Int, gotResult: Bool) {
        guard var slot = slots[name], slot.number == number else { return }
        slot.waiters -= 1
        slots[name] = gotResult ? nil : slot
        // The task that `join` made may have seen this waiter, where the work ended as the waiter gave up.
        if !gotResult, slot.waiters == 0 { Task { await self.finish(name, slot) } }
    }

    private func finish(_ name: String, _ slot: Slot) async {
        let id = try? await slot.work.value
        guard let current = slots[name], current.number == slot.number else { return }
        guard let id else {
            // Whoever waits has the error through the work itself.
            slots[name] = nil
            return
        }
        guard current.waiters == 0 else { return }
        // Nobody cancels this task.
        try? await Task.sleep(for: patience)
        guard let kept = slots[name], kept.number == slot.number, kept.waiters == 0 else { return }
        slots[name] = nil
        await slot.undo(id)
    }
}
