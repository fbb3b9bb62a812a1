// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImageStore
internal import Synchronization

/// What the engine has done since it was started, in numbers.
///
/// ## Concurrency model
/// The numbers are under a mutex; each is counted where it happens.
package final class EngineMetrics: Sendable {
    /// All requests of one kind.
    struct Operation: Hashable, Sendable {
        var count: UInt64 = 0
        var errors: UInt64 = 0
    }

    struct Counts: Sendable {
        /// By the name of the RPC: there are no more names than those.
        var operations: [String: Operation] = [:]
        /// How long these took, and the setting up of pods' networks.
        var times: [String: RecentTimes] = [:]
        /// What pulls have transferred.
        var pulls = PullCounts()
        /// Requests that found a creation of the same name in progress, by what it was about.
        var stalled: [String: UInt64] = [:]
        /// Pulls that failed, by the gRPC code.
        var failedPulls: [String: UInt64] = [:]
        /// System calls that filters have handed over, by container and name.
        var forbiddenCalls: [String: [String: UInt64]] = [:]
        /// Containers that were killed for want of memory.
        var oomKills: UInt64 = 0
        /// The same of those that are there, by name.
        var oomKillsOf: [String: UInt64] = [:]
        /// Monitors that ended when nobody wanted that.
        var lostMonitors: UInt64 = 0
        /// Listeners that fell behind, and missed events.
        var lateListeners: UInt64 = 0
    }

    private let state = Mutex(Counts())

    /// Nothing has happened yet.
    package init() {}

    var counts: Counts { state.withLock { $0 } }

    /// A request of that name has ended; `failure` is the gRPC code of its error.
    func note(_ operation: String, nanoseconds: Int64, ended: Int64, failure: String?) {
        state.withLock { state in
            state.operations[operation, default: Operation()].count += 1
            state.times[operation, default: RecentTimes()].add(UInt64(max(0, nanoseconds)), ended: ended)
            guard let failure else { return }
            state.operations[operation]?.errors += 1
            if operation == "PullImage" { state.failedPulls[failure, default: 0] += 1 }
        }
    }

    /// A pod's network was set up. CRI-O tells two times of it, of which the second includes ports of the host; here a plugin of
    /// the network sees to them.
    func noteNetworkSetup(nanoseconds: Int64, ended: Int64) {
        state.withLock { state in
            for name in ["network_setup_pod", "network_setup_overall"] {
                state.times[name, default: RecentTimes()].add(UInt64(max(0, nanoseconds)), ended: ended)
            }
        }
    }

    func note(_ event: LayerEvent) { state.withLock { $0.pulls.note(event) } }

    /// A request waits for a creation that is at that stage.
    func noteStalled(at stage: String) { state.withLock { $0.stalled[stage, default: 0] += 1 } }

    /// A container has used a forbidden system call.
    func noteForbidden(_ call: String, of container: String) {
        state.withLock { $0.forbiddenCalls[container, default: [:]][call, default: 0] += 1 }
    }

    /// A container was killed for want of memory.
    func noteOOMKill(of container: String) {
        state.withLock { state in
            state.oomKills += 1
            state.oomKillsOf[container, default: 0] += 1
        }
    }

    /// The container is gone.
    func forget(_ container: String) {
        state.withLock { state in
            state.forbiddenCalls[container] = nil
            state.oomKillsOf[container] = nil
        }
    }

    /// One more of what stands at the place.
    func count(_ place: any WritableKeyPath<Counts, UInt64> & Sendable) {
        state.withLock { $0[keyPath: place] += 1 }
    }
}
