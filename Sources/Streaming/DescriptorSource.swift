// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore

/// Carries what a descriptor gives into a stream, as fast as the stream takes it: nothing is read that cannot be sent.
///
/// ## Concurrency model
/// Belongs to the stream's event loop.
final class DescriptorSource {
    /// The most that is read and sent at once.
    static let pieceSize = 65_536
    /// What is still carried after `drain`: the capacity of the largest pipe. A writer that lives on could go on for ever.
    private static let drainLimit = 1 << 20

    private let descriptor: WatchedDescriptor
    private let stream: ByteStream
    /// Called once with the error that ended it, if it was one.
    private var onEnd: ((Errno?) -> Void)?
    private var left: Int?
    private var isScheduled = false
    /// Reading waits until there is something: it must not be tried before.
    private let isBlocking: Bool
    private var isReady = false
    private let filter: (([UInt8]) -> [UInt8]?)?

    /// A blocking descriptor is left as it is, because others have it, too: it is read when it is ready, and not before.
    /// The filter may change what was read; nil ends the source. `onEnd` is also called when the stream breaks.
    init(
        _ descriptor: WatchedDescriptor, to stream: ByteStream, isBlocking: Bool = false,
        filter: (([UInt8]) -> [UInt8]?)? = nil,
        onEnd: @escaping (Errno?) -> Void
    ) {
        self.descriptor = descriptor
        self.stream = stream
        self.isBlocking = isBlocking
        self.filter = filter
        self.onEnd = onEnd
    }

    /// The same for a descriptor that nobody watches yet.
    convenience init(
        _ descriptor: SharedFD, to stream: ByteStream, loop: any EventLoop, isBlocking: Bool = false,
        filter: (([UInt8]) -> [UInt8]?)? = nil,
        onEnd: @escaping (Errno?) -> Void
    ) throws(Errno) {
        self.init(
            try WatchedDescriptor(descriptor, loop: loop), to: stream, isBlocking: isBlocking, filter: filter,
            onEnd: onEnd)
    }

    func start() {
        stream.onWritable = { [weak self] in self?.pump() }
        stream.onBreak = { [weak self] in self?.end(nil) }
        pump()
    }

    /// Carries what is there now, and ends.
    func drain() {
        guard left == nil else { return }
        left = Self.drainLimit
        pump()
    }

    func close() {
        onEnd = nil
        descriptor.close()
    }

    private func end(_ error: Errno?) {
        descriptor.close()
        let onEnd = onEnd
        self.onEnd = nil
        onEnd?(error)
    }

    private func pump() {
        guard onEnd != nil, !isScheduled, !descriptor.isWaiting || left != nil else { return }
        if stream.isBroken { return end(nil) }
        let room = min(stream.room, left ?? .max)
        // The stream calls again when it has room.
        guard room > 0 else { return left == 0 ? end(nil) : () }
        if isBlocking, !isReady {
            return descriptor.wait(.readable) { [weak self] in
                self?.isReady = true
                self?.pump()
            }
        }
        isReady = false
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try Syscall.read(descriptor.rawValue, upTo: room)
        } catch .EAGAIN {
            return left == nil ? descriptor.wait(.readable) { [weak self] in self?.pump() } : end(nil)
        } catch .EIO {
            // How a terminal tells that its last user is gone.
            return end(nil)
        } catch {
            return end(error)
        }
        guard !bytes.isEmpty else { return end(nil) }
        left? -= bytes.count
        guard let filter else { return carry(bytes) }
        guard let changed = filter(bytes) else { return end(nil) }
        carry(changed)
    }

    private func carry(_ bytes: [UInt8]) {
        if !bytes.isEmpty { stream.send(bytes[...]) }
        isScheduled = true
        descriptor.yield { [weak self] in
            self?.isScheduled = false
            self?.pump()
        }
    }
}
