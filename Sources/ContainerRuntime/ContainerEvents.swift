// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// A record of `events`, in runc's form.
package struct ContainerEvent: Encodable, Sendable {
    package enum Kind: String, Encodable, Sendable { case stats, oom }

    package var type: Kind
    package var id: String
    /// For the type `stats`.
    package var data: CgroupMetrics?
}

extension Container {
    /// What the kernel counts now.
    package func statistics() throws -> ContainerEvent {
        try requireProcess()
        return ContainerEvent(type: .stats, id: id, data: try metrics())
    }

    private func requireProcess() throws {
        switch try status() {
        case .created, .running, .paused: return
        case .creating, .stopped: throw RuntimeError("container with id \(id) is not running")
        }
    }

    /// Reports what the kernel counts, at once and then every so many nanoseconds, and each time that memory runs out,
    /// until the container ends.
    package func follow(everyNanoseconds interval: Int64, _ report: (ContainerEvent) throws -> Void) throws {
        try requireProcess()
        guard let process = try findProcess() else { return }
        var stream = try EventStream(cgroup, process)
        try report(ContainerEvent(type: .stats, id: id, data: try metrics()))
        while true {
            switch try stream.next(afterNanoseconds: interval) {
            case .end: return
            case .memory: try report(ContainerEvent(type: .oom, id: id))
            case .time:
                // The cgroup of a container that is just ending may be gone.
                guard cgroup.exists else { return }
                try report(ContainerEvent(type: .stats, id: id, data: try metrics()))
            }
        }
    }
}

/// What `follow` waits for.
private struct EventStream: ~Copyable {
    enum Event: UInt64 { case end, time, memory }

    private let epoll: Epoll
    private let timer: TimerFD
    private var memory: OOMWatch?
    private var isArmed = false

    init(_ cgroup: any CgroupDriver, _ process: borrowing PidFD) throws {
        let memory = try OOMWatch(cgroup)
        let epoll = try SystemError.attempt("create", "epoll") { () throws(Errno) in try Epoll() }
        let timer = try SystemError.attempt("create", "timer") { () throws(Errno) in try TimerFD() }
        try SystemError.attempt("watch", "container") { () throws(Errno) in
            try epoll.add(process.rawValue, .readable, token: Event.end.rawValue)
            try epoll.add(timer.rawValue, .readable, token: Event.time.rawValue)
            if let memory { try epoll.add(memory.rawValue, memory.interest, token: Event.memory.rawValue) }
        }
        self.epoll = epoll
        self.timer = timer
        self.memory = memory
    }

    mutating func next(afterNanoseconds interval: Int64) throws -> Event {
        if !isArmed {
            try SystemError.attempt("set", "timer") { () throws(Errno) in
                try timer.fire(afterNanoseconds: interval)
            }
            isArmed = true
        }
        while true {
            let events = try SystemError.attempt("wait for", "container") { () throws(Errno) in
                // Memory first: a container may end because of it.
                try epoll.wait().sorted { $0.token > $1.token }
            }
            for event in events {
                switch Event(rawValue: event.token) {
                case .memory: if try memory?.take() ?? false { return .memory }
                case .time:
                    try SystemError.attempt("read", "timer") { () throws(Errno) in try timer.acknowledge() }
                    isArmed = false
                    return .time
                case .end:
                    // v2 reports a change up to 10 ms late where another came just before: the container that ends by it
                    // may be seen first.
                    return try memory?.take() ?? false ? .memory : .end
                case nil: break
                }
            }
        }
    }
}
