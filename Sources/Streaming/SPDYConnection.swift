// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import StreamFraming

/// Streams over SPDY/3.1, on either side of the connection.
///
/// Flow control: what this side takes in is bounded by its windows, and it tells the peer by WINDOW_UPDATE as it goes. A
/// peer is held to windows, and its own are obeyed, once it has shown that it counts: by SETTINGS with an initial window,
/// or by any WINDOW_UPDATE. Until then only the TCP connection throttles, in both directions: the SPDY library of
/// Kubernetes' own clients sends no WINDOW_UPDATE and does not read any, and would wait for ever after 64 KiB.
///
/// ## Concurrency model
/// Belongs to the event loop of its channel.
final class SPDYConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// What a peer that counts may send on one stream, and on all of them, in bytes.
    static let streamWindow = 131_072
    static let connectionWindow = 4 << 20
    /// The most streams at one time.
    static let streamLimit = 2048

    let wire: Wire
    private let session: any StreamSession
    private let isServer: Bool
    private var decoder = SPDYDecoder()
    private var encoder = SPDYEncoder()

    var streams: [UInt32: ByteStream] = [:]
    private var lastPeerStream: UInt32 = 0
    private var nextStream: UInt32

    var peerCounts = false
    var hasAnnounced = false
    /// So many SETTINGS are taken.
    var settingsLeft = 100
    var peerInitialWindow = SPDYFrame.initialWindow
    var ownInitialWindow = SPDYFrame.initialWindow
    var sendWindow = SPDYFrame.initialWindow
    var receiveWindow = SPDYFrame.initialWindow
    var credit = 0

    init(channel: any Channel, session: any StreamSession, isServer: Bool, idleTimeout: Duration) {
        wire = Wire(channel, idleTimeout: idleTimeout)
        self.session = session
        self.isServer = isServer
        nextStream = isServer ? 2 : 1
        wire.onIdle = { [weak self] in self?.finish() }
    }

    // MARK: For sessions

    /// Opens a stream. It has room once the peer has accepted it.
    func open(_ fields: [HTTPHead.Field]) -> ByteStream {
        let stream = make(nextStream, fields)
        nextStream += 2
        stream.isOpen = false
        write(.synStream(stream.id, headers: fields, fin: false))
        return stream
    }

    /// Says goodbye, and closes once the peer has.
    func finish(status: UInt32) {
        guard !wire.isFinished else { return }
        wire.finish(encoder.encode(.goAway(last: lastPeerStream, status: status)))
        breakStreams()
    }

    func write(_ frame: SPDYFrame) { wire.send(encoder.encode(frame)) }

    /// Writes what the peer has asked for by a frame.
    func answer(_ frame: SPDYFrame) { wire.answer(encoder.encode(frame)) }

    // MARK: From the channel

    /// From here on the channel tells of its end, which what is written may be: the peer may be gone.
    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return channelEnded() }
        if !isServer { announce() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        wire.touch()
        // After goodbye nothing that comes matters any more.
        guard !wire.isFinished else { return }
        decoder.feed(Array(unwrapInboundIn(data).readableBytesView))
        do throws(WireError) {
            while !wire.isFinished, let frame = try decoder.next() { try handle(frame) }
        } catch {
            failure = error
            finish(status: 1)
        }
    }

    private var failure: (any Error)?

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        wire.becameWritable()
        wakeWriters()
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

    private func breakStreams() {
        let all = streams.values
        streams = [:]
        for stream in all { stream.acceptBreak() }
    }

    /// Every stream in turn, beginning with another each time: none may starve behind a fast one.
    private var turn: UInt32 = 0
    func wakeWriters() {
        let order = streams.keys.sorted()
        guard !order.isEmpty else { return }
        let start = order.firstIndex { $0 > turn } ?? 0
        for id in order[start...] + order[..<start] {
            guard wire.isWritable else { return }
            turn = id
            streams[id]?.onWritable?()
        }
    }

    private func handle(_ frame: SPDYFrame) throws(WireError) {
        switch frame {
        case .synStream(let id, let fields, let fin): try opened(id, fields, fin)
        case .synReply(let id, _, let fin):
            guard let stream = streams[id], !stream.isOpen else { return }
            stream.isOpen = true
            if fin { ended(stream) }
            stream.onWritable?()
        case .data(let id, let bytes, let fin): try received(bytes, fin, id)
        case .headers(let id, _, let fin): if fin, let stream = streams[id] { ended(stream) }
        case .reset(let id, _): streams.removeValue(forKey: id)?.acceptBreak()
        case .settings(let settings): try apply(settings)
        case .windowUpdate(let id, let delta): try widen(id, by: delta)
        case .ping(let id):
            // Odd ones are a client's.
            if (id % 2 == 1) == isServer { answer(.ping(id)) }
        case .goAway: break
        }
    }

    private func opened(_ id: UInt32, _ fields: [HTTPHead.Field], _ fin: Bool) throws(WireError) {
        guard (id % 2 == 1) == isServer, id > lastPeerStream else {
            throw WireError("SPDY frame", "stream \(id) is opened out of turn")
        }
        lastPeerStream = id
        guard streams.count < Self.streamLimit else { return answer(.reset(id, .refusedStream)) }
        let stream = make(id, fields)
        // The reply goes first: clients drop what comes before it.
        answer(.synReply(id, headers: [], fin: false))
        if fin { stream.acceptEnd() }
        guard session.accepts(stream) else { return stream.reset() }
        stream.forgetFields()
    }

    private func make(_ id: UInt32, _ fields: [HTTPHead.Field]) -> ByteStream {
        let stream = ByteStream(id: id, fields: fields, carrier: self)
        stream.sendWindow = peerInitialWindow
        stream.receiveWindow = ownInitialWindow
        streams[id] = stream
        return stream
    }

    func ended(_ stream: ByteStream) {
        stream.acceptEnd()
        forgetIfDone(stream)
    }

    private func forgetIfDone(_ stream: ByteStream) {
        if stream.isFinished && stream.isEnded { streams[stream.id] = nil }
    }

    /// Whether there ever was a stream of that number.
    func isKnown(_ id: UInt32) -> Bool { (id % 2 == 1) == isServer ? id <= lastPeerStream : id < nextStream }
}

extension SPDYConnection: StreamCarrier {
    func send(_ bytes: ArraySlice<UInt8>, fin: Bool, on stream: ByteStream) {
        stream.sendWindow -= bytes.count
        sendWindow -= bytes.count
        write(.data(stream.id, bytes, fin: fin))
        if fin { forgetIfDone(stream) }
    }

    func reset(_ stream: ByteStream) {
        guard streams.removeValue(forKey: stream.id) != nil else { return }
        answer(.reset(stream.id, .cancel))
    }
}

extension SPDYConnection: StreamOpener {
    func finish() { finish(status: 0) }
}
