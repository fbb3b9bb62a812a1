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
    private var queue: [ArraySlice<UInt8>] = []
    private var hasEnded = false
    private var isBroken = false
    private var onEnd: ((Errno?) -> Void)?

    /// `onEnd` is called once: when everything is written and the peer sends no more, or with the error of the
    /// descriptor; what comes after that is dropped.
    init(
        _ descriptor: SharedFD, from stream: ByteStream, loop: any EventLoop, onEnd: @escaping (Errno?) -> Void
    ) throws(Errno) {
        self.descriptor = try WatchedDescriptor(descriptor, loop: loop)
        self.stream = stream
        self.onEnd = onEnd
    }

    func start() { stream?.deliver(to: self) }

    func close() {
        onEnd = nil
        isBroken = true
        queue = []
        descriptor.close()
    }

    func receive(_ bytes: ArraySlice<UInt8>) {
        guard !isBroken else { return stream?.consumed(bytes.count) ?? () }
        queue.append(bytes)
        pump()
    }

    func receiveEnd() {
        hasEnded = true
        pump()
    }

    private func pump() {
        guard !isBroken, !descriptor.isWaiting else { return }
        while let first = queue.first {
            do throws(Errno) {
                let count = try Syscall.write(descriptor.rawValue, first)
                if count == first.count { queue.removeFirst() } else { queue[0] = first.dropFirst(count) }
                stream?.consumed(count)
            } catch .EAGAIN {
                return descriptor.wait(.writable) { [weak self] in self?.pump() }
            } catch {
                return end(error)
            }
        }
        if hasEnded { end(nil) }
    }

    private func end(_ error: Errno?) {
        isBroken = true
        let dropped = queue.reduce(0) { $0 + $1.count }
        queue = []
        stream?.consumed(dropped)
        descriptor.close()
        let onEnd = onEnd
        self.onEnd = nil
        onEnd?(error)
    }
}
