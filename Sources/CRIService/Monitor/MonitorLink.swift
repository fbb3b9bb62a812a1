// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol
internal import Synchronization

/// A conversation with the monitor of one pod: requests by number, answers in any order, events in between.
///
/// ## Concurrency model
/// Requests come from any task, answers and events arrive on the event loop's thread; the tables are under a mutex.
/// Every request is answered, by the monitor or, when the connection ends, by an error.
final class MonitorLink: Sendable {
    /// What the monitor said to a request, and the descriptors that came with it.
    struct Answer: Sendable {
        var reply: MonitorReply
        var descriptors: [SharedFD]
    }

    private struct State {
        var next: UInt32 = 1
        /// Of the protocol; what both sides speak, once they have said hello.
        var version: UInt16 = MonitorMessage.versions.lowerBound
        var waiting: [UInt32: Promise<Answer>] = [:]
        /// Requests that are answered twice, and who gets the second answer.
        var exits: [UInt32: Promise<Answer>] = [:]
        var unsent: [(bytes: [UInt8], descriptors: [SharedFD])] = []
        var isClosed = false
    }

    private let socket: SharedSocket
    private let loop: DescriptorLoop
    private let token: UInt64
    private let state = Mutex(State())
    private let onEvent: @Sendable (MonitorEvent) -> Void
    private let onClose: @Sendable () -> Void

    /// Connects. `onEvent` and `onClose` are called on the event loop's thread.
    init(
        path: String, loop: DescriptorLoop, onEvent: @escaping @Sendable (MonitorEvent) -> Void,
        onClose: @escaping @Sendable () -> Void
    ) throws(Errno) {
        socket = SharedSocket(try UnixSocket.connect(path, .sequencedPackets))
        self.loop = loop
        self.onEvent = onEvent
        self.onClose = onClose
        token = loop.newToken()
        try loop.add(socket.socket.rawValue, [.readable], token: token) { [weak self] ready in self?.handle(ready) }
    }

    deinit { close() }

    /// The version of the protocol that both sides speak: a monitor may be older than the daemon, for it lives longer.
    var version: UInt16 { state.withLock { $0.version } }

    /// How long a monitor may take for what it does without waiting for others. One that waits for a disk takes longer.
    static let patience = Duration.seconds(10)

    /// Says hello, and returns the name of the pod that the monitor serves.
    func greet() async throws -> String {
        let hello = MonitorRequest.hello(version: MonitorMessage.version)
        guard case .hello(let version, _, let pod) = try await request(hello, within: Self.patience),
            MonitorMessage.versions.contains(version)
        else { throw ServiceError(.failed, "greet the pod's monitor", nil, "it speaks another protocol") }
        state.withLock { $0.version = version }
        return pod
    }

    /// Asks and waits for the answer; `failed` becomes an error, and so does silence for longer than the patience.
    func request(
        _ request: MonitorRequest, descriptors: [SharedFD] = [], within patience: Duration? = nil
    ) async throws -> MonitorReply {
        let promise = Promise<Answer>()
        try send(request, descriptors, promise, exit: nil)
        let clock = patience.map { patience in
            Task {
                try await Task.sleep(for: patience)
                promise.complete(.failure(Self.silence(patience)))
            }
        }
        defer { clock?.cancel() }
        return try await Self.checked(promise.value).reply
    }

    private static func silence(_ patience: Duration) -> ServiceError {
        ServiceError(.deadline, "wait for the pod's monitor", nil, "no answer within \(patience)")
    }

    /// Asks for what is answered twice: waits for the first answer, and returns it with the promise of the second.
    func requestProcess(
        _ request: ExecRequest, descriptors: [SharedFD]
    ) async throws -> (started: Answer, exit: Promise<Answer>) {
        let (started, exit) = (Promise<Answer>(), Promise<Answer>())
        try send(.exec(request), descriptors, started, exit: exit)
        let first = try await Self.checked(started.value)
        // A process whose time was up before it ran has only an end.
        if case .execExited = first.reply { exit.succeed(first) }
        return (first, exit)
    }

    private static func checked(_ answer: Answer) throws(ServiceError) -> Answer {
        if case .failed(let text, _) = answer.reply {
            throw ServiceError(.failed, "ask the pod's monitor", nil, text)
        }
        return answer
    }

    private func send(
        _ request: MonitorRequest, _ descriptors: [SharedFD], _ promise: Promise<Answer>, exit: Promise<Answer>?
    ) throws {
        let ticket = state.withLock { state -> (number: UInt32, version: UInt16)? in
            guard !state.isClosed else { return nil }
            let number = state.next
            state.next = number == .max ? 1 : number + 1
            state.waiting[number] = promise
            state.exits[number] = exit
            return (number, state.version)
        }
        guard let (number, version) = ticket else { throw Self.lost }
        do {
            let bytes = try request.encoded(request: number, version: version)
            state.withLock { $0.unsent.append((bytes, descriptors)) }
            flush()
        } catch {
            state.withLock { state in
                state.waiting[number] = nil
                state.exits[number] = nil
            }
            throw error
        }
    }

    /// What the answer to any request is when the monitor is gone.
    static let lost = ServiceError(.unavailable, "ask the pod's monitor", nil, "it is gone")

    /// Sends what the socket takes; the rest goes when it is writable.
    private func flush() {
        let closed = state.withLock { state -> Bool in
            guard !state.isClosed else { return false }
            do throws(Errno) {
                while let (bytes, descriptors) = state.unsent.first {
                    try socket.socket.send(bytes, descriptors: descriptors.map(\.rawValue), wait: false)
                    state.unsent.removeFirst()
                }
                try loop.change(socket.socket.rawValue, [.readable], token: token)
            } catch .EAGAIN {
                do throws(Errno) {
                    try loop.change(socket.socket.rawValue, [.readable, .writable], token: token)
                } catch { return true }
            } catch { return true }
            return false
        }
        if closed { close() }
    }

    private func handle(_ ready: Epoll.Interest) {
        if ready.contains(.writable) { flush() }
        while true {
            let message: UnixSocket.Message
            do throws(Errno) {
                message = try socket.socket.receive(upTo: MonitorMessage.maximumSize, wait: false)
            } catch .EAGAIN {
                return
            } catch {
                return close()
            }
            if message.bytes.isEmpty { return close() }
            do throws(MonitorProtocolError) {
                try deliver(MonitorMessage(decoding: message.bytes), message.descriptors)
            } catch {
                // A monitor of another build: nothing it says can be relied on.
                return close()
            }
        }
    }

    private func deliver(_ message: MonitorMessage, _ descriptors: [SharedFD]) {
        switch message {
        case .event(let event): onEvent(event)
        case .reply(let number, let reply):
            let promise = state.withLock { state -> Promise<Answer>? in
                if let first = state.waiting.removeValue(forKey: number) {
                    switch reply {
                    case .failed, .execExited: state.exits[number] = nil
                    default: break
                    }
                    return first
                }
                return state.exits.removeValue(forKey: number)
            }
            promise?.succeed(Answer(reply: reply, descriptors: descriptors))
        }
    }

    /// Ends the conversation; whoever waits gets an error.
    func close() {
        let promises = state.withLock { state -> [Promise<Answer>]? in
            guard !state.isClosed else { return nil }
            state.isClosed = true
            let promises = Array(state.waiting.values) + Array(state.exits.values)
            state.waiting = [:]
            state.exits = [:]
            state.unsent = []
            return promises
        }
        guard let promises else { return }
        loop.remove(socket.socket.rawValue, token: token)
        for promise in promises { promise.complete(.failure(Self.lost)) }
        onClose()
    }
}

/// The class that lets a socket be used from several places.
final class SharedSocket: Sendable {
    let socket: UnixSocket

    init(_ socket: consuming UnixSocket) { self.socket = socket }
}
