// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore

/// Carries the streams of a process that others hear, too, between its socket of packets and the client's streams.
/// `StreamedProcess.joined` tells what a packet is.
///
/// A packet is read only when the one before it has found its place, so that a slow client holds back its own socket.
///
/// ## Concurrency model
/// Belongs to the event loop of the streams.
final class PacketRelay: StreamConsumer {
    private static let packetLimit = 32_768

    private let reading: WatchedDescriptor
    private let writing: WatchedDescriptor
    private let stdin: ByteStream?
    private let outputs: [UInt8: ByteStream]
    private var onEnd: ((Errno?) -> Void)?
    /// Of the last packet, what its stream has no room for yet.
    private var unsent: (stream: ByteStream, bytes: ArraySlice<UInt8>)?
    private var isScheduled = false
    /// What waits for the socket, in order.
    private var packets: [[UInt8]] = []

    /// `onEnd` is called once: when the output has ended, or with the error of the socket.
    init(
        _ socket: SharedFD, stdin: ByteStream?, stdout: ByteStream?, stderr: ByteStream?, loop: any EventLoop,
        onEnd: @escaping (Errno?) -> Void
    ) throws(Errno) {
        reading = try WatchedDescriptor(socket, loop: loop)
        writing = try WatchedDescriptor(socket, loop: loop)
        self.stdin = stdin
        var outputs: [UInt8: ByteStream] = [:]
        outputs[1] = stdout
        outputs[2] = stderr
        self.outputs = outputs
        self.onEnd = onEnd
    }

    func start() {
        for stream in outputs.values { stream.onWritable = { [weak self] in self?.pump() } }
        stdin?.deliver(to: self)
        pump()
    }

    func close() {
        onEnd = nil
        reading.close()
        writing.close()
    }

    func resize(_ size: WindowSize) {
        let numbers = [size.rows, size.columns].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        // Only the last size counts.
        packets.removeAll { $0.first == 4 }
        packets.append([4] + numbers)
        flush()
    }

    // MARK: From the process

    private func pump() {
        guard onEnd != nil, !isScheduled, sendRest() else { return }
        guard !reading.isWaiting else { return }
        let packet: [UInt8]
        do throws(Errno) {
            packet = try Syscall.read(reading.rawValue, upTo: Self.packetLimit + 1)
        } catch .EAGAIN {
            return reading.wait(.readable) { [weak self] in self?.pump() }
        } catch .ECONNRESET {
            // The other side has closed without taking all the input. The kernel says so once, before it gives what came last.
            return again()
        } catch {
            return end(error)
        }
        guard let channel = packet.first else { return end(.ECONNRESET) }
        if channel == 3 { return end(nil) }
        if let stream = outputs[channel] { unsent = (stream, packet.dropFirst()) }
        again()
    }

    private func again() {
        isScheduled = true
        reading.yield { [weak self] in
            self?.isScheduled = false
            self?.pump()
        }
    }

    /// Whether the last packet is gone.
    private func sendRest() -> Bool {
        while let (stream, bytes) = unsent {
            if bytes.isEmpty || stream.isBroken {
                unsent = nil
                break
            }
            let room = stream.room
            guard room > 0 else { return false }
            stream.send(bytes.prefix(room))
            unsent = (stream, bytes.dropFirst(room))
        }
        return true
    }

    private func end(_ error: Errno?) {
        let onEnd = onEnd
        close()
        onEnd?(error)
    }

    // MARK: To the process

    func receive(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        // A packet that waits is filled first: the shortest would take up many times its size.
        if let last = packets.indices.last, packets[last].first == 0 {
            let more = rest.prefix(Self.packetLimit + 1 - packets[last].count)
            packets[last] += more
            rest = rest.dropFirst(more.count)
        }
        while !rest.isEmpty {
            packets.append([0] + rest.prefix(Self.packetLimit))
            rest = rest.dropFirst(Self.packetLimit)
        }
        flush()
    }

    func receiveEnd() {
        packets.append([255])
        flush()
    }

    private func flush() {
        guard !writing.isWaiting else { return }
        while let packet = packets.first {
            do throws(Errno) {
                _ = try Syscall.write(writing.rawValue, packet[...])
            } catch .EAGAIN {
                return writing.wait(.writable) { [weak self] in self?.flush() }
            } catch {
                // The end is heard by reading; what nobody takes any more is dropped.
            }
            packets.removeFirst()
            if packet.first == 0 { stdin?.consumed(packet.count - 1) }
        }
    }
}
