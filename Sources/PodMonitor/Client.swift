// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// One connection. Sending never waits: what the client does not take at once is queued, and a client that lets the
/// queue grow too long is cut off, so that it cannot hold up the pod.
final class Client {
    enum Sending {
        case done
        /// Call `flush` once the socket is writable.
        case queued
        /// The client is gone, or too slow.
        case failed
    }

    static let queueLimit = 1 << 20

    private let socket: UnixSocket
    private var queue: [(bytes: [UInt8], descriptors: [SharedFD])] = []
    private var queuedBytes = 0
    var hasQueue: Bool { !queue.isEmpty }
    var rawValue: Int32 { socket.rawValue }
    /// In which it hears events; what it said hello with.
    var version = MonitorMessage.versions.lowerBound

    init(_ socket: consuming UnixSocket) { self.socket = socket }

    /// The next message, nil when none is there now; no bytes when the client has closed.
    func receive() throws(Errno) -> UnixSocket.Message? {
        do throws(Errno) {
            return try socket.receive(upTo: MonitorMessage.maximumSize, wait: false)
        } catch .EAGAIN {
            return nil
        }
    }

    func send(_ packet: [UInt8], _ descriptors: [SharedFD] = []) -> Sending {
        guard queuedBytes + packet.count <= Self.queueLimit else { return .failed }
        queue.append((packet, descriptors))
        queuedBytes += packet.count
        return flush()
    }

    /// Sends what is queued, as far as the client takes it.
    func flush() -> Sending {
        var sent = 0
        defer { queue.removeFirst(sent) }
        do throws(Errno) {
            for (packet, descriptors) in queue {
                try socket.send(packet, descriptors: descriptors.map(\.rawValue), wait: false)
                sent += 1
                queuedBytes -= packet.count
            }
            return .done
        } catch .EAGAIN {
            return .queued
        } catch {
            return .failed
        }
    }
}
