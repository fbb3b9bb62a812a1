// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// A client that is connected with a container's streams; the packets are described in AttachPacket.swift.
final class AttachedClient {
    enum Input {
        case nothing
        /// So many bytes follow the channel number.
        case packet(AttachPacket.Channel, Int)
        case end
    }

    /// After so long without taking anything, a client is closed.
    static let patienceMilliseconds: Int64 = 10_000

    let container: Container
    let request: AttachRequest
    private let socket: SharedFD
    var rawValue: Int32 { socket.rawValue }

    /// What the socket did not take: one packet or two, for then the outputs are not read on; more only of what is read
    /// when the container has ended.
    private var queue: [[UInt8]] = []
    var isBlocked: Bool { !queue.isEmpty }
    /// It can hear nothing more.
    private(set) var isGone = false

    /// The loop's token, nil while the socket is not watched.
    var token: UInt64?
    var interest: Epoll.Interest = .readable
    /// The loop's token for its patience.
    var deadline: UInt64?

    /// Takes over the client's socket.
    init(_ socket: SharedFD, _ request: AttachRequest, container: Container) throws(Errno) {
        try socket.descriptor.setNonblocking(true)
        self.socket = socket
        self.request = request
        self.container = container
    }

    func listens(to channel: AttachPacket.Channel?) -> Bool {
        switch channel {
        case .stdout: request.stdout
        case .stderr: request.stderr
        default: false
        }
    }

    /// Sends the packet, or keeps it.
    func offer(_ packet: UnsafeRawBufferPointer) {
        if isGone { return }
        guard queue.isEmpty else { return unsafe queue.append(Array(packet)) }
        do throws(Errno) {
            _ = unsafe try Syscall.write(rawValue, packet)
        } catch .EAGAIN {
            unsafe queue.append(Array(packet))
        } catch {
            isGone = true
        }
    }

    /// Sends what was kept, as far as the socket takes it; returns whether it took anything.
    func flush() -> Bool {
        var sent = 0
        defer { queue.removeFirst(sent) }
        do throws(Errno) {
            for packet in queue {
                _ = try Syscall.write(rawValue, packet[...])
                sent += 1
            }
        } catch .EAGAIN {
        } catch {
            isGone = true
        }
        return sent > 0
    }

    func dropQueue() { queue = [] }

    /// The next packet, in the loop's own memory, where it stays until that is used again.
    func receive(_ buffers: inout TransferBuffers) -> Input {
        let count: Int
        do throws(Errno) {
            count = unsafe try Syscall.read(rawValue, into: buffers.packet)
        } catch .EAGAIN {
            return .nothing
        } catch .ECONNRESET {
            // It has left without taking everything. The kernel says so once, and gives what it has sent after that.
            return .nothing
        } catch {
            return .end
        }
        if count == 0 { return .end }
        // Channels that this build does not know are passed over.
        guard let channel = unsafe AttachPacket.Channel(rawValue: buffers.packet[0]) else { return .nothing }
        return .packet(channel, count - 1)
    }
}
