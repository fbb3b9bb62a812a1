// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import Synchronization

/// What comes out of a pipe, up to a limit; the rest is read and dropped, so that the writer never waits.
///
/// ## Concurrency model
/// The event loop's thread collects, any task asks for the result; the state is under a mutex.
final class PipeCollector: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var writer: SharedFD?
    }

    private let reader: SharedFD
    private let limit: Int
    private let loop: DescriptorLoop
    private let token: UInt64
    private let state = Mutex(State())

    init(limit: Int, loop: DescriptorLoop) throws(Errno) {
        var pipe = try Pipe(nonblocking: false)
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw .EBADF }
        try reader.setNonblocking(true)
        self.reader = SharedFD(reader)
        self.limit = limit
        self.loop = loop
        token = loop.newToken()
        let end = SharedFD(writer)
        state.withLock { $0.writer = end }
        try loop.add(self.reader.rawValue, .readable, token: token) { [weak self] _ in self?.collect() }
    }

    /// The end to give away, once; it is closed here when it is dropped.
    func takeWriter() -> SharedFD? { state.withLock { $0.writer.take() } }

    deinit { detach() }

    /// What is read at a time, the capacity of the largest pipe: a writer that is fast enough would never let it end, and
    /// the loop has others to serve.
    private static let turn = 1 << 20

    /// Reads what is there; at the end of the pipe it leaves the loop.
    private func collect() {
        let atEnd = state.withLock { Self.drain(reader, into: &$0.bytes, limit: limit) }
        if atEnd { detach() }
    }

    private func detach() { loop.remove(reader.rawValue, token: token) }

    /// All that was written until now. Called after the process's end: what it wrote is in the pipe, and a child that
    /// it left behind is not waited for.
    func finish() -> [UInt8] {
        detach()
        return state.withLock { state in
            _ = Self.drain(reader, into: &state.bytes, limit: limit)
            return state.bytes
        }
    }

    /// Reads for one turn; returns true at the end of the pipe.
    private static func drain(_ reader: SharedFD, into bytes: inout [UInt8], limit: Int) -> Bool {
        var left = turn
        while left > 0 {
            do throws(Errno) {
                let part = try reader.descriptor.read(upTo: 65536)
                left -= part.count
                if part.isEmpty { return true }
                bytes += part.prefix(max(0, limit - bytes.count))
            } catch .EAGAIN {
                return false
            } catch {
                return true
            }
        }
        return false
    }
}
