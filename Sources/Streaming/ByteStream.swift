// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import StreamFraming

/// Who carries streams over a connection. All of it happens on the connection's event loop.
protocol StreamCarrier: AnyObject {
    /// How many bytes may be sent now.
    func room(for stream: ByteStream) -> Int
    func send(_ bytes: ArraySlice<UInt8>, fin: Bool, on stream: ByteStream)
    /// So many bytes that came in have found their place: the peer may send as many more.
    func grant(_ count: Int, on stream: ByteStream)
    func reset(_ stream: ByteStream)
}

/// A connection over which a client opens streams.
protocol StreamOpener: AnyObject {
    var wire: Wire { get }

    /// Opens a stream for what the fields say.
    func open(_ fields: [HTTPHead.Field]) -> ByteStream
    /// Says goodbye, and closes once the peer has.
    func finish()
}

/// Who takes what comes in over a stream, in order.
protocol StreamConsumer: AnyObject {
    /// Takes bytes, and calls `consumed` of the stream as soon as they are out of the way.
    func receive(_ bytes: ArraySlice<UInt8>)
    /// The peer sends no more.
    func receiveEnd()
}

/// One of the streams of bytes that share a connection: two directions, each with its own end and its own throttle.
///
/// ## Concurrency model
/// Belongs to the event loop of its connection, as everything that refers to it.
final class ByteStream {
    let id: UInt32
    /// What the peer said of it when it was opened, as long as somebody may ask.
    private(set) var fields: [HTTPHead.Field]

    private weak var carrier: (any StreamCarrier)?
    private var consumer: (any StreamConsumer)?
    /// What came before anybody took it; the carrier lets no more in than its window.
    private var waiting = WaitingBytes()

    /// This side sends no more.
    private(set) var isFinished = false
    /// The peer sends no more.
    private(set) var isEnded = false
    /// Neither side sends any more, and not because it is done.
    private(set) var isBroken = false

    /// How many bytes the peer takes, and how many it may send; kept by carriers with flow control.
    var sendWindow = 0
    var receiveWindow = 0
    /// Taken bytes that the peer was not told of yet.
    var credit = 0
    /// Bytes that came in and are not consumed.
    private var unused = 0
    /// What comes in is for nobody; so it is of a broken one.
    private var isDiscarding = false
    /// The peer has accepted it.
    var isOpen = true

    /// Called when there is room again.
    var onWritable: (() -> Void)?
    /// Called once when the peer broke it off, or the connection ended.
    var onBreak: (() -> Void)?

    init(id: UInt32, fields: [HTTPHead.Field] = [], carrier: any StreamCarrier) {
        self.id = id
        self.fields = fields
        self.carrier = carrier
    }

    /// The value of a field by its name in lower case.
    func field(_ name: String) -> String? { fields.first { $0.name.lowercased() == name }?.value }

    /// Somebody has taken it, and knows all he wants to. A peer may say much in few bytes.
    func forgetFields() { fields = [] }

    // MARK: Towards the peer

    /// How many bytes `send` may be given.
    var room: Int { isFinished || isBroken || !isOpen ? 0 : carrier?.room(for: self) ?? 0 }

    func send(_ bytes: ArraySlice<UInt8>) {
        guard !isFinished, !isBroken else { return }
        carrier?.send(bytes, fin: false, on: self)
    }

    /// Says that nothing more is sent.
    func finish() {
        guard !isFinished, !isBroken else { return }
        isFinished = true
        carrier?.send([], fin: true, on: self)
        releaseIfDone()
    }

    /// Breaks it off in both directions.
    func reset() {
        guard !isBroken else { return }
        carrier?.reset(self)
        dismantle()
    }

    func consumed(_ count: Int) {
        let used = min(count, unused)
        unused -= used
        if used > 0 { carrier?.grant(used, on: self) }
    }

    // MARK: From the peer

    /// Everything that comes goes there, first what has come already.
    func deliver(to consumer: any StreamConsumer) {
        self.consumer = consumer
        while let early = waiting.first {
            waiting.drop(early.count)
            consumer.receive(early)
        }
        if isEnded { consumer.receiveEnd() }
    }

    /// Nobody takes what comes and has come. What the peer sends all the same, until it is told, must not hold back the other
    /// streams of the connection.
    func discard() {
        isDiscarding = true
        consumer = nil
        waiting = WaitingBytes()
        consumed(unused)
    }

    func accept(_ bytes: ArraySlice<UInt8>) {
        unused += bytes.count
        guard !isEnded, !isDiscarding, !bytes.isEmpty else { return consumed(bytes.count) }
        if let consumer { consumer.receive(bytes) } else { waiting.append(bytes) }
    }

    func acceptEnd() {
        guard !isEnded, !isBroken else { return }
        isEnded = true
        consumer?.receiveEnd()
        releaseIfDone()
    }

    /// The connection has forgotten it, and calls nobody any more: who waited may hold it himself.
    private func releaseIfDone() {
        guard isFinished, isEnded else { return }
        onWritable = nil
        onBreak = nil
    }

    /// The peer broke it off, or the connection is gone.
    func acceptBreak() {
        guard !isBroken else { return }
        let onBreak = onBreak
        dismantle()
        onBreak?()
    }

    /// What nobody will use any more must not hold back the other streams of the connection.
    private func dismantle() {
        isBroken = true
        onWritable = nil
        onBreak = nil
        discard()
    }
}

/// What a connection's streams are for.
protocol StreamSession: AnyObject {
    /// The peer opens a stream; false refuses it.
    func accepts(_ stream: ByteStream) -> Bool
    /// The connection is gone; its streams have been told before.
    func connectionEnded(_ error: (any Error)?)
}
