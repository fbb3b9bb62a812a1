// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
internal import NIOCore
internal import StreamFraming
internal import Synchronization

/// The client's side of port-forward: takes connections on local ports and carries them to ports of a pod.
package final class PortForwardClient: StreamClient {
    /// A socket that listens, and the port of the pod that it stands for.
    package struct Listener: Sendable {
        package var socket: SharedFD
        package var port: UInt16

        package init(socket: SharedFD, port: UInt16) {
            self.socket = socket
            self.port = port
        }
    }

    private let listeners: [Listener]
    private let loop: any EventLoop
    private let note: @Sendable (String) -> Void
    private let failure: Failure
    private weak var connection: (any StreamOpener)?
    private var watched: [WatchedDescriptor] = []
    private var nextRequest = 0
    /// That no connection can be accepted.
    private var refusalIsTold = false
    private static let acceptPause = TimeAmount.milliseconds(100)
    private var forwards: [Int: Forward] = [:]

    private final class Failure: Sendable {
        let error = Mutex<(any Error)?>(nil)
    }

    private final class Forward {
        var sink: DescriptorSink?
        var source: DescriptorSource?
        var message: ErrorReader?
    }

    /// Collects what the server says of one connection.
    private final class ErrorReader: StreamConsumer {
        private weak var stream: ByteStream?
        private let note: (String) -> Void
        private var bytes: [UInt8] = []

        init(_ stream: ByteStream, _ note: @escaping (String) -> Void) {
            self.stream = stream
            self.note = note
        }
        func receive(_ more: ArraySlice<UInt8>) {
            stream?.consumed(more.count)
            if bytes.count < 4096 { bytes += more }
        }
        func receiveEnd() { if !bytes.isEmpty { note(String(decoding: bytes, as: UTF8.self)) } }
    }

    /// Serves the listeners until the connection to the server ends, which is an error. `note` gets a line about each
    /// connection and each failure.
    package static func run(
        _ url: String, trust: ServerTrust, over transport: StreamTransport, _ listeners: [Listener],
        note: @escaping @Sendable (String) -> Void
    ) async throws {
        let failure = Failure()
        try await UpgradeClient.run(url, trust: trust, transport.forwardWish) { loop in
            PortForwardClient(listeners, loop, note, failure)
        }
        throw failure.error.withLock { $0 } ?? StreamingFailure("forward ports", nil, "the connection was lost")
    }

    private init(
        _ listeners: [Listener], _ loop: any EventLoop, _ note: @escaping @Sendable (String) -> Void, _ failure: Failure
    ) {
        self.listeners = listeners
        self.loop = loop
        self.note = note
        self.failure = failure
    }

    func accepts(_ stream: ByteStream) -> Bool { false }

    func connected(_ connection: any StreamOpener, protocolName: String?) {
        self.connection = connection
        do throws(Errno) {
            for listener in listeners {
                let socket = try WatchedDescriptor(listener.socket, loop: loop)
                watched.append(socket)
                accept(socket, listener.port)
            }
        } catch {
            end(error)
        }
    }

    /// One that waits was accepted, and lacks descriptors of its own.
    private func accept(_ listener: WatchedDescriptor, _ port: UInt16, waiting: SharedFD? = nil) {
        var waiting = waiting
        do throws(Errno) {
            while true {
                let socket: SharedFD
                if let waiting {
                    socket = waiting
                } else {
                    socket = SharedFD(try InternetSocket.accept(listener.rawValue))
                }
                waiting = socket
                let watched = try WatchedSocket(socket, loop: loop)
                waiting = nil
                refusalIsTold = false
                carry(watched, port)
            }
        } catch .EAGAIN {
            listener.wait(.readable) { [weak self, weak listener] in
                if let self, let listener { self.accept(listener, port) }
            }
        } catch {
            // For want of descriptors: the connections that there are go on, and this one waits for the end of another.
            if !refusalIsTold { note("accept connection: \(error); trying again") }
            refusalIsTold = true
            loop.assumeIsolated().scheduleTask(in: Self.acceptPause) { [weak self, weak listener, waiting] in
                if let self, let listener { self.accept(listener, port, waiting: waiting) }
            }
        }
    }

    private func carry(_ socket: WatchedSocket, _ port: UInt16) {
        guard let connection else { return }
        nextRequest += 1
        let request = nextRequest
        note("Handling connection for \((try? InternetSocket.localPort(socket.descriptor.rawValue)) ?? 0)")
        func stream(_ kind: String) -> ByteStream {
            connection.open([
                HTTPHead.Field("streamtype", kind), HTTPHead.Field("port", "\(port)"),
                HTTPHead.Field("requestid", "\(request)"),
            ])
        }
        let forward = Forward()
        forwards[request] = forward
        let error = stream("error")
        error.finish()
        let note = note
        let message = ErrorReader(error) { note($0) }
        forward.message = message
        error.deliver(to: message)
        let data = stream("data")
        let relay = SocketRelay(socket, data) { [weak self] in self?.forwards[request] = nil }
        (forward.sink, forward.source) = relay.start()
    }

    private func end(_ error: any Error) {
        failure.error.withLock { if $0 == nil { $0 = error } }
        connection?.finish()
    }

    func connectionEnded(_ error: (any Error)?) {
        if let error { failure.error.withLock { if $0 == nil { $0 = error } } }
        for socket in watched { socket.close() }
        for forward in forwards.values {
            forward.sink?.close()
            forward.source?.close()
        }
        forwards = [:]
    }
}
