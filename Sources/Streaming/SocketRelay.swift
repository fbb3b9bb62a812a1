// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore

/// Carries a TCP connection and a stream into each other: each direction ends by itself, and what breaks one side breaks
/// the other.
///
/// ## Concurrency model
/// Belongs to the stream's event loop.
final class SocketRelay {
    private let socket: WatchedSocket
    private let stream: ByteStream
    private var open = 2
    private let onOutputEnd: () -> Void
    private var onEnd: (() -> Void)?
    private weak var sink: DescriptorSink?

    /// `onOutputEnd` is called once, when the socket gives no more; `onEnd` when both directions have ended.
    init(
        _ socket: WatchedSocket, _ stream: ByteStream, onOutputEnd: @escaping () -> Void = {},
        onEnd: @escaping () -> Void
    ) {
        self.socket = socket
        self.stream = stream
        self.onOutputEnd = onOutputEnd
        self.onEnd = onEnd
    }

    /// Begins; the caller keeps both, and closes them when the connection of the stream ends.
    func start() -> (DescriptorSink, DescriptorSource) {
        let sink = DescriptorSink(socket.output, from: stream) { failure in
            // A peer that takes no more may still have something to say: reading goes on to its end.
            if failure == nil { InternetSocket.finishSending(self.socket.descriptor.rawValue) }
            self.ended()
        }
        let source = DescriptorSource(socket.input, to: stream) { failure in self.sourceEnded(failure) }
        self.sink = sink
        sink.start()
        source.start()
        return (sink, source)
    }

    private func sourceEnded(_ failure: Errno?) {
        defer { onOutputEnd() }
        guard failure == nil, !stream.isBroken else {
            if failure != nil { stream.reset() } else { InternetSocket.resetOnClose(socket.descriptor.rawValue) }
            return abandon()
        }
        // From here on nobody but the sink would hear of a break, and it hears of none. Before the end is told: a stream that is
        // done takes nothing back, and the two would hold each other, and the socket, for ever.
        stream.onBreak = { self.abandon() }
        stream.finish()
        ended()
    }

    /// Nothing goes the other way any more.
    private func abandon() {
        sink?.close()
        open = 1
        ended()
    }

    private func ended() {
        open -= 1
        guard open == 0 else { return }
        stream.onBreak = nil
        let onEnd = onEnd
        self.onEnd = nil
        onEnd?()
    }
}
