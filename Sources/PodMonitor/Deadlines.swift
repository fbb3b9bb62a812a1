// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What is to be done at some time of the monotonic clock.
struct Deadlines {
    enum Action {
        case killExec(ExecSession)
        /// Kills in a session whose processes make others, which was done so often without success.
        case killSession(Int32, attempts: Int)
        /// Stops waiting for processes that outlive their container with its output open.
        case closeOutputs(Container)
        case writeRecord(Container)
        /// The client has taken nothing for too long.
        case cutOff(AttachedClient)
        case resume(Int32, UInt64, Epoll.Interest)
        /// Whom the kernel has killed for want of memory is to be seen by then.
        case settleMemory(Container)
        case releaseMemory
        case killStragglers
        case giveUpShutdown
    }

    private var pending: [UInt64: (time: Int64, action: Action)] = [:]
    private var lastToken: UInt64 = 0

    /// Plans the action; the token cancels it.
    @discardableResult
    mutating func add(_ action: Action, afterMilliseconds delay: Int64) -> UInt64 {
        lastToken += 1
        pending[lastToken] = (KernelClock.monotonic + delay * 1_000_000, action)
        return lastToken
    }

    mutating func cancel(_ token: UInt64) { pending[token] = nil }

    /// Until the next one, rounded up; negative when there is none.
    var millisecondsLeft: Int32 {
        guard let next = pending.values.map(\.time).min() else { return -1 }
        let left = max(0, next - KernelClock.monotonic)
        return Int32(clamping: (left + 999_999) / 1_000_000)
    }

    /// Takes out those whose time has come, in the order of their times.
    mutating func takeExpired() -> [Action] {
        guard !pending.isEmpty else { return [] }
        let now = KernelClock.monotonic
        let expired = pending.filter { $0.value.time <= now }.sorted { $0.value.time < $1.value.time }
        for (token, _) in expired { pending[token] = nil }
        return expired.map(\.value.action)
    }
}
