// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import StreamFraming

/// Streams over WebSocket, on either side of the connection: the channels are known from the beginning.
///
/// WebSocket has no windows. A peer whose bytes nobody takes is held back by its TCP connection, all channels at once.
///
/// ## Concurrency model
/// Belongs to the event loop of its channel.
final class WebSocketConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let wire: Wire
    private let session: any StreamSession
    private let dialect: WebSocketProtocol
    private let isServer: Bool
    private var decoder: WebSocketDecoder
    private var streams: [ByteStream] = []
    private let directions: [WebSocketProtocol.Direction]
    /// Channels that a client has opened.
    private var opened: Set<UInt32> = []
    /// Of the message that is coming in: its channel, and what of its base64 is not complete.
    private var current: Int?
    private var base64 = Base64Pieces()
    private var failure: (any Error)?

    init(
        channel: any Channel, session: any StreamSession, dialect: WebSocketProtocol,
        channels: [(WebSocketProtocol.Direction, [HTTPHead.Field])], isServer: Bool, idleTimeout: Duration
    ) {
        wire = Wire(channel, idleTimeout: idleTimeout)
        self.isServer = isServer
        decoder = WebSocketDecoder(fromClient: isServer)
        self.session = session
        self.dialect = dialect
        directions = channels.map(\.0)
        streams = channels.enumerated().map { ByteStream(id: UInt32($0.offset), fields: $0.element.1, carrier: self) }
        wire.onIdle = { [weak self] in self?.finish() }
    }

    /// Tells the server's session of its streams.
    func begin() {
        for stream in streams where !session.accepts(stream) { stream.reset() }
        // An empty message tells a client that it is connected.
        streams.first { directions[Int($0.id)] == .read && !$0.isBroken }?.send([])
    }

    /// Says goodbye, and closes once the peer has. 1000 is a normal end, 1002 a breach of the protocol.
    func finish(code: Int) {
        guard !wire.isFinished else { return }
        wire.finish(encoded(.close(code: code)))
        breakStreams()
    }

    /// What has come whole may still be on its way to where a client wants it.
    private func breakStreams() {
        for stream in streams where isServer || !stream.isEnded { stream.acceptBreak() }
    }

    private func encoded(_ frame: WebSocketFrame) -> [UInt8] { frame.encoded(byServer: isServer) }

    /// Whether the peer sends on the channel.
    private func isPeers(_ channel: Int) -> Bool { directions[channel] != (isServer ? .read : .write) }

    // MARK: From the channel

    /// A channel that has ended meanwhile tells nobody any more.
    func handlerAdded(context: ChannelHandlerContext) { if !context.channel.isActive { channelEnded() } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        wire.touch()
        decoder.feed(Array(unwrapInboundIn(data).readableBytesView))
        do throws(WireError) {
            while let frame = try decoder.next() {
                // After goodbye only the peer's own goodbye matters.
                if wire.isFinished {
                    if case .close = frame { context.close(promise: nil) }
                    continue
                }
                try handle(frame)
            }
        } catch {
            failure = error
            if wire.isFinished { context.close(promise: nil) } else { finish(code: 1002) }
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        wire.becameWritable()
        for stream in streams where wire.isWritable { stream.onWritable?() }
    }

    func channelInactive(context: ChannelHandlerContext) { channelEnded() }

    private func channelEnded() {
        wire.stop()
        breakStreams()
        session.connectionEnded(failure)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if failure == nil { failure = error }
        context.close(promise: nil)
    }

    private func handle(_ frame: WebSocketFrame) throws(WireError) {
        switch frame {
        case .ping(let bytes): wire.answer(encoded(.pong(bytes)))
        case .pong: break
        case .close:
            // It is the end of all that a server had to say.
            if !isServer { for stream in streams where isPeers(Int(stream.id)) { stream.acceptEnd() } }
            finish()
        case .piece(let bytes, let place): try receive(bytes, place)
        }
    }

    private func receive(_ piece: ArraySlice<UInt8>, _ place: WebSocketFrame.Piece) throws(WireError) {
        var bytes = piece
        if place.isFirst {
            current = nil
            base64 = Base64Pieces()
        }
        // A message may be cut anywhere, also before the byte that names its channel.
        if current == nil {
            guard let first = bytes.popFirst() else { return }
            current = dialect.channel(first)
        }
        defer { if place.isLast { current = nil } }
        guard let current else { return }
        if dialect.isText {
            guard let decoded = base64.decode(bytes, isLast: place.isLast) else {
                throw WireError("WebSocket message", "its text is not base64")
            }
            bytes = decoded[...]
        }
        if current == WebSocketProtocol.endChannel, dialect.canEndChannels {
            for number in bytes where streams.indices.contains(Int(number)) { streams[Int(number)].acceptEnd() }
        } else if streams.indices.contains(current), isPeers(current), isServer || opened.contains(UInt32(current)) {
            wire.received(bytes.count, limit: Wire.holdAt)
            streams[current].accept(bytes)
        }
        // Messages for channels on which the peer has nothing to say, or that there are not, are dropped.
    }
}

extension WebSocketConnection: StreamCarrier {
    func room(for stream: ByteStream) -> Int { wire.isWritable ? DescriptorSource.pieceSize : 0 }

    func send(_ bytes: ArraySlice<UInt8>, fin: Bool, on stream: ByteStream) {
        if fin && bytes.isEmpty { return end(stream) }
        wire.send(encoded(.message(dialect.message(stream.id, bytes), isText: dialect.isText)))
    }

    /// A server cannot end a channel: the end of the connection does. A client can in one version only.
    private func end(_ stream: ByteStream) {
        guard !isServer, dialect.canEndChannels, directions[Int(stream.id)] != .read else { return }
        wire.send(encoded(.message([UInt8(WebSocketProtocol.endChannel), UInt8(stream.id)])))
    }

    func grant(_ count: Int, on stream: ByteStream) { wire.used(count, limit: Wire.holdAt) }

    func reset(_ stream: ByteStream) {}
}

extension WebSocketConnection: StreamOpener {
    /// The channel whose fields begin so.
    func open(_ fields: [HTTPHead.Field]) -> ByteStream {
        let stream = streams.first { !opened.contains($0.id) && $0.fields.starts(with: fields) }
        // Only this program's own clients ask, each for streams that such a connection always has.
        guard let stream else { fatalError("a WebSocket has no channel for \(fields)") }
        opened.insert(stream.id)
        return stream
    }

    func finish() { finish(code: 1000) }
}
