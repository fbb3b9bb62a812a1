// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore

/// Carries what comes over a stream into a descriptor, as fast as that takes it. Never more waits here than the peer's
/// window, and the window opens as bytes are written.
///
/// ## Concurrency model
/// Belongs to the stream's event loop.
final class DescriptorSink: StreamConsumer {
    private let descriptor: WatchedDescriptor
    private weak var stream: ByteStream?
    private var queue = WaitingBytes()
    private var hasEnded = false
    private var isBroken = false
    private var onEnd: ((Errno?) -> Void)?

    /// `onEnd` is called once: when everything is written and the peer sends no more, or with the error of the
    /// descriptor; what comes after that is dropped.
    init(_ descriptor: WatchedDescriptor, from stream: ByteStream, onEnd: @escaping (Errno?) -> Void) {
        self.descriptor = descriptor
        self.stream = stream
        self.onEnd = onEnd
    }

    /// The same for a descriptor that nobody watches yet.
    convenience init(
        _ descriptor: SharedFD, from stream: ByteStream, loop: any EventLoop, onEnd: @escaping (Errno?) -> Void
    ) throws(Errno) {
        self.init(try WatchedDescriptor(descriptor, loop: loop), from: stream, onEnd: onEnd)
    }

    func start() { stream?.deliver(to: self) }

    func close() {
        onEnd = nil
        isBroken = true
        queue = WaitingBytes()
        descriptor.close()
    }

    func receive(_ bytes: ArraySlice<UInt8>) {
        guard !isBroken else { return stream?.consumed(bytes.count) ?? () }
        let done = queue.count == 0 ? write(bytes) : 0
        if isBroken { return stream?.consumed(bytes.count) ?? () }
        queue.append(bytes.dropFirst(done))
        stream?.consumed(done)
    }

    func receiveEnd() {
        hasEnded = true
        pump()
    }

    private func pump() {
        guard !isBroken, !descriptor.isWaiting else { return }
        while let first = queue.first, !descriptor.isWaiting {
            let done = write(first)
            if isBroken { return }
            queue.drop(done)
            stream?.consumed(done)
        }
        if hasEnded, queue.count == 0 { end(nil) }
    }

    /// Writes what the descriptor takes now, and comes back when it takes more; returns how much that was. Nobody hears of it
    /// before it is taken note of.
    private func write(_ bytes: ArraySlice<UInt8>) -> Int {
        var rest = bytes
        do throws(Errno) {
            while !rest.isEmpty { rest = rest.dropFirst(try Syscall.write(descriptor.rawValue, rest)) }
        } catch .EAGAIN {
            descriptor.wait(.writable) { [weak self] in self?.pump() }
        } catch {
            end(error)
        }
        return bytes.count - rest.count
    }

    private func end(_ error: Errno?) {
        isBroken = true
        let dropped = queue.count
        queue = WaitingBytes()
        stream?.consumed(dropped)
        descriptor.close()
        let onEnd = onEnd
        self.onEnd = nil
        onEnd?(error)
    }
}
