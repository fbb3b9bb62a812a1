// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore

/// The connection below the streams: sends bytes, holds the peer back, watches for silence, and ends in good order.
///
/// ## Concurrency model
/// Belongs to the channel's event loop.
final class Wire {
    /// What a peer without flow control of its own may have sent without our having used it, in bytes.
    static let holdAt = 262_144
    /// So many bytes of answers may wait for a peer that does not read.
    private static let answerLimit = 65_536
    /// How long the peer may take to close after it was sent everything.
    private static let lingerTime = TimeAmount.seconds(5)

    let channel: any Channel
    private let idleTimeout: TimeAmount
    private var lastActivity = NIODeadline.now()
    private var idleTask: Scheduled<Void>?
    private var unused = 0
    private var limit = holdAt
    /// Bytes of answers since the peer last took what was sent.
    private var unread = 0
    private var isHolding = false
    private(set) var isFinished = false
    /// Whether silence has an end; until the channel has closed.
    var isWatched: Bool { idleTask != nil }
    /// Called when nothing came or went for too long.
    var onIdle: () -> Void = {}

    init(_ channel: any Channel, idleTimeout: Duration) {
        self.channel = channel
        // A century is for ever.
        self.idleTimeout = .seconds(min(Swift.max(idleTimeout.components.seconds, 1), 3_155_760_000))
        watchIdle(after: self.idleTimeout)
    }

    var isWritable: Bool { !isFinished && channel.isActive && channel.isWritable }

    func send(_ bytes: [UInt8]) {
        guard !isFinished else { return }
        touch()
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Sends what a frame of the peer asks for, as a ping does. Who asks on and on and does not read is not heard any more.
    func answer(_ bytes: [UInt8]) {
        send(bytes)
        guard !isFinished, !channel.isWritable else { return }
        unread += bytes.count
        review()
    }

    /// The peer takes what is sent again.
    func becameWritable() {
        unread = 0
        review()
    }

    /// After our end only what the peer takes counts, and that is not seen here.
    func touch() { if !isFinished { lastActivity = .now() } }

    /// Sends the last bytes, however slowly the peer takes them and what is before them, and then gives it a while to close: a
    /// close from here while it still sends would destroy what it has not read yet. A peer that takes nothing any more is
    /// closed after the idle time.
    func finish(_ last: [UInt8]) {
        guard !isFinished else { return }
        touch()
        isFinished = true
        setReading(true)
        let channel = channel
        onIdle = { channel.close(promise: nil) }
        channel.writeAndFlush(ByteBuffer(bytes: last)).whenSuccess {
            channel.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
        }
    }

    /// Called when the channel has closed.
    func stop() {
        idleTask?.cancel()
        idleTask = nil
        onIdle = {}
    }

    // MARK: Holding back

    /// So many bytes came in that somebody must use.
    func received(_ count: Int, limit: Int) {
        unused += count
        self.limit = limit
        review()
    }

    func used(_ count: Int, limit: Int) {
        unused -= count
        self.limit = limit
        review()
    }

    private func review() {
        if unused > limit || unread > Self.answerLimit {
            if !isHolding, !isFinished { setReading(false) }
        } else if unused <= limit / 2, isHolding {
            setReading(true)
        }
    }

    private func setReading(_ on: Bool) {
        isHolding = !on
        channel.setOption(.autoRead, value: on).whenFailure { _ in }
    }

    private func watchIdle(after time: TimeAmount) {
        idleTask = channel.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            guard let self else { return }
            let silence = NIODeadline.now() - self.lastActivity
            if silence >= self.idleTimeout { return self.onIdle() }
            self.watchIdle(after: self.idleTimeout - silence)
        }
    }
}
