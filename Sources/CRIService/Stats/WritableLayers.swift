// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import Synchronization

/// How much containers have written. A tree is measured in the background, one at a time and rarer the longer it takes;
/// a request gets what was measured last and never waits for a large tree.
///
/// ## Concurrency model
/// The table is under a mutex; measuring happens on one thread of its own, and delivers to a promise.
final class WritableLayers: Sendable {
    struct Usage: Hashable, Sendable {
        var size: TreeSize
        /// When it was measured, ns since 1970.
        var time: Int64
    }

    private struct Entry {
        var usage: Usage?
        /// Monotonic time from which on it may be measured again.
        var next: Int64 = 0
        var running: Promise<Void>?
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let pool = BlockingPool(limit: 1)

    /// What the container has below its folder; nil when it has not been measured yet.
    func usage(of id: String, folder: String) async -> Usage? {
        let (known, running) = entries.withLock { entries -> (Usage?, Promise<Void>?) in
            var entry = entries[id] ?? Entry()
            if entry.running == nil, entry.next <= KernelClock.monotonic {
                let promise = Promise<Void>()
                entry.running = promise
                Task { await self.measure(id, folder, promise) }
            }
            entries[id] = entry
            return (entry.usage, entry.running)
        }
        if let known { return known }
        // The first answer is worth a moment: most containers have written next to nothing.
        guard let running, await running.isKept(within: .milliseconds(200)) else { return nil }
        return entries.withLock { $0[id]?.usage }
    }

    func forget(_ id: String) { entries.withLock { $0[id] = nil } }

    private func measure(_ id: String, _ folder: String, _ promise: Promise<Void>) async {
        let (size, cost) = await pool.run { () -> (TreeSize?, Int64) in
            let start = KernelClock.monotonic
            // A container that is being removed has none.
            return (try? Syscall.treeSize(folder), KernelClock.monotonic - start)
        }
        entries.withLock { entries in
            // Forgotten meanwhile.
            guard var entry = entries[id] else { return }
            if let size { entry.usage = Usage(size: size, time: KernelClock.realtime) }
            entry.next = KernelClock.monotonic + max(10_000_000_000, cost * 50)
            entry.running = nil
            entries[id] = entry
        }
        promise.succeed(())
    }
}
