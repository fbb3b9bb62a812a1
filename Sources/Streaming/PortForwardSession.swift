// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore
internal import StreamFraming

/// One port-forward on the server's side: any number of connections, each with a stream for its bytes and one for an
/// error, which belong together by their request.
///
/// What happens to one connection happens to it alone: a refusal is told on its error stream, a reset by the program in
/// the pod resets its data stream.
///
/// ## Concurrency model
/// Belongs to the connection's event loop.
final class PortForwardSession: StreamSession {
    private final class Forward {
        var data: ByteStream?
        var error: ByteStream?
        var sink: DescriptorSink?
        var source: DescriptorSource?
        var isConnecting = false
    }

    /// How long a stream may wait for the other of its pair.
    private static let patience = TimeAmount.seconds(30)
    /// The most at one time. More could only be of a client that opens streams and takes them back.
    private static let limit = SPDYConnection.streamLimit / 2
    /// The longest name of a request; clients count.
    private static let nameLimit = 64

    private let handler: any StreamHandler
    private let pod: String
    private let loop: any EventLoop
    private var forwards: [String: Forward] = [:]
    private var isEnded = false
    /// Over WebSocket the server begins both streams with the port, little end first.
    private let tellsPort: Bool
    /// Those of which the pod may have more to say.
    private var speaking = 0
    /// Over WebSocket, ends the connection: no stream has an end of its own there, and the client could not know that nothing
    /// more comes.
    var finish: () -> Void = {}

    init(pod: String, handler: any StreamHandler, loop: any EventLoop, tellsPort: Bool) {
        self.handler = handler
        self.pod = pod
        self.loop = loop
        self.tellsPort = tellsPort
    }

    func accepts(_ stream: ByteStream) -> Bool {
        guard !isEnded, let port = stream.field("port").flatMap({ UInt16($0) }), port > 0,
            let kind = stream.field("streamtype"), kind == "data" || kind == "error"
        else { return false }
        // Clients from before there were requests open the error stream first, and then the one for data.
        let request = stream.field("requestid") ?? "\(kind == "error" ? Int(stream.id) : Int(stream.id) - 2)"
        guard request.utf8.count <= Self.nameLimit, let forward = forwards[request] ?? begin(request) else {
            return false
        }
        if kind == "data" {
            guard forward.data == nil else { return false }
            forward.data = stream
        } else {
            guard forward.error == nil else { return false }
            forward.error = stream
        }
        if tellsPort { stream.send([UInt8(truncatingIfNeeded: port), UInt8(port >> 8)]) }
        if let data = forward.data, let error = forward.error { connect(request, forward, data, error, port) }
        return true
    }

    private func begin(_ request: String) -> Forward? {
        guard forwards.count < Self.limit else { return nil }
        let forward = Forward()
        forwards[request] = forward
        speaking += 1
        loop.assumeIsolated().scheduleTask(in: Self.patience) { [weak self, weak forward] in
            guard let self, let forward, !forward.isConnecting else { return }
            forward.data?.reset()
            forward.error?.reset()
            self.forwards[request] = nil
            self.hasSpoken()
        }
        return forward
    }

    private func connect(_ request: String, _ forward: Forward, _ data: ByteStream, _ error: ByteStream, _ port: UInt16)
    {
        forward.isConnecting = true
        let (handler, pod) = (handler, pod)
        let bound = NIOLoopBound((self, forward, data, error), eventLoop: loop)
        loop.makeFutureWithTask { try await handler.connect(pod, port: port) }
            .whenComplete { (result: Result<SharedFD, any Error>) in
                let (session, forward, data, error) = bound.value
                guard !session.isEnded else { return }
                do {
                    try session.carry(forward, data, error, try result.get()) { session.forwards[request] = nil }
                } catch let cause {
                    let text = "error forwarding port \(port) to pod \(pod): \(cause)"
                    error.send(Array(text.utf8)[...])
                    error.finish()
                    data.finish()
                    data.discard()
                    session.forwards[request] = nil
                    session.hasSpoken()
                }
            }
    }

    private func hasSpoken() {
        speaking -= 1
        if speaking == 0 { finish() }
    }

    private func carry(
        _ forward: Forward, _ data: ByteStream, _ error: ByteStream, _ socket: SharedFD, done: @escaping () -> Void
    ) throws(Errno) {
        // The end of the error stream tells clients that nothing more comes; some wait for it before they hang up.
        let onOutputEnd = { [weak self] in
            error.finish()
            self?.hasSpoken() ?? ()
        }
        let relay = SocketRelay(
            try WatchedSocket(socket, loop: loop), data, onOutputEnd: onOutputEnd, onEnd: done)
        (forward.sink, forward.source) = relay.start()
    }

    func connectionEnded(_ error: (any Error)?) {
        isEnded = true
        finish = {}
        for forward in forwards.values {
            forward.sink?.close()
            forward.source?.close()
        }
        forwards = [:]
    }
}
