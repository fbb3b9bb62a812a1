// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Confinement
internal import Linux
internal import Synchronization

/// Answers the system calls that a container's filter hands over where it would refuse them, and counts them. They fail with
/// ENOSYS, as they do without a daemon: then the kernel gives that answer.
///
/// ## Concurrency model
/// Everything comes on the loop's thread: runtimes that connect and hand over a listener, and the calls. The tables are under a
/// mutex; what handlers use they hold themselves, so it outlives `end`.
final class SeccompNotifier: Sendable {
    private struct State {
        /// Connections and listeners by their tokens.
        var sources: [UInt64: Source] = [:]
        var counts: [String: Int] = [:]
        /// The last call, on the monotonic clock.
        var last: Int64 = 0
        var isWaiting = false
        var isEnded = false
    }

    private enum Source {
        case connection(Connection)
        case listener(SharedFD)

        var descriptor: Int32 {
            switch self {
            case .connection(let connection): connection.socket.rawValue
            case .listener(let descriptor): descriptor.rawValue
            }
        }
    }

    private final class Connection: Sendable {
        let socket: UnixSocket
        init(_ socket: consuming UnixSocket) { self.socket = socket }
    }

    private let path: String
    private let loop: DescriptorLoop
    private let state = Mutex(State())
    /// nil until it listens, and once it does no more.
    private let runtimes = Mutex<ConnectionListener?>(nil)
    private let onCall: @Sendable (String) -> Void
    private let silence: Duration
    private let onSilence: (@Sendable (String) async -> Void)?

    /// Waits for runtimes at a path. `onCall` gets the name of each call, on the loop's thread; `onSilence`, once calls have
    /// come and none more for so long, a list of all.
    init(
        _ path: String, _ loop: DescriptorLoop, onCall: @escaping @Sendable (String) -> Void,
        after silence: Duration = .seconds(5), onSilence: (@Sendable (String) async -> Void)?
    ) throws {
        self.path = path
        self.loop = loop
        self.onCall = onCall
        self.silence = silence
        self.onSilence = onSilence
        let listening = try SystemError.attempt("listen on", path) { () throws(Errno) in
            try UnixSocket.removeStale(path)
            return try ConnectionListener(try UnixSocket.listen(path), loop) { [weak self] socket in
                self?.greet(Connection(socket))
            }
        }
        runtimes.withLock { $0 = listening }
    }

    /// From now on the kernel answers.
    func end() {
        let sources = state.withLock { state in
            let sources = state.sources
            state.isEnded = true
            state.sources = [:]
            return sources
        }
        runtimes.withLock { $0.take() }?.end()
        for (token, source) in sources { loop.remove(source.descriptor, token: token) }
        // It goes with the container's other files.
        try? Syscall.removeFile(path)
    }

    private func add(
        _ source: Source, _ handler: @escaping @Sendable (UInt64, Epoll.Interest) -> Void
    ) throws(Errno) {
        let token = loop.newToken()
        // Under the mutex, so that `end` sees either none of it or all.
        try state.withLock { (state) throws(Errno) in
            guard !state.isEnded else { return }
            try loop.add(source.descriptor, .readable, token: token) { handler(token, $0) }
            state.sources[token] = source
        }
    }

    private func drop(_ token: UInt64) {
        guard let source = state.withLock({ $0.sources.removeValue(forKey: token) }) else { return }
        loop.remove(source.descriptor, token: token)
    }

    private func greet(_ connection: Connection) {
        // A runtime that is not heard fails, and says so.
        try? add(.connection(connection)) { [weak self] token, _ in self?.receive(connection, token) }
    }

    /// The state of the container comes with the listener, maybe in pieces, and says nothing new.
    private func receive(_ connection: Connection, _ token: UInt64) {
        do throws(Errno) {
            let message = try connection.socket.receive(upTo: 1 << 16, wait: false)
            for listener in message.descriptors {
                try add(.listener(listener)) { [weak self] token, ready in self?.answer(listener, token, ready) }
            }
            if message.bytes.isEmpty { drop(token) }
        } catch .EAGAIN {
            return
        } catch {
            drop(token)
        }
    }

    private func answer(_ listener: SharedFD, _ token: UInt64, _ ready: Epoll.Interest) {
        // Nobody has the filter any more.
        guard ready.contains(.readable) else { return drop(token) }
        do throws(Errno) {
            let call = try Syscall.receiveCall(listener.rawValue)
            note(call.name)
            try Syscall.refuse(call, listener.rawValue, with: .ENOSYS)
        } catch .ENOENT {
            // Its process was killed.
        } catch .EINTR {
        } catch {
            drop(token)
        }
    }

    private func note(_ name: String) {
        let isFirst = state.withLock { state in
            state.counts[name, default: 0] += 1
            state.last = KernelClock.monotonic
            guard onSilence != nil, !state.isWaiting else { return false }
            state.isWaiting = true
            return true
        }
        onCall(name)
        if isFirst { Task { await waitForSilence() } }
    }

    private func waitForSilence() async {
        while true {
            let (isEnded, last) = state.withLock { ($0.isEnded, $0.last) }
            let rest = silence - .nanoseconds(KernelClock.monotonic - last)
            if isEnded { return }
            if rest <= .zero { break }
            // Nobody cancels this task.
            try? await Task.sleep(for: rest)
        }
        let counts = state.withLock { $0.counts }
        await onSilence?(counts.sorted { $0.key < $1.key }.map { "\($0) (\($1)x)" }.joined(separator: ", "))
    }
}
