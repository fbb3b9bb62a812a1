// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import StreamFraming

extension SPDYConnection {
    /// What may have come in without being used: a peer that counts stays below its windows by itself.
    private var holdLimit: Int { peerCounts ? 2 * Self.connectionWindow : Wire.holdAt }

    /// Tells the peer the windows that it has, which shows that this side counts.
    func announce() {
        guard !hasAnnounced else { return }
        hasAnnounced = true
        write(.settings([SPDYFrame.Setting(id: SPDYFrame.Setting.initialWindowSize, value: Self.streamWindow)]))
        let more = Self.connectionWindow - SPDYFrame.initialWindow
        write(.windowUpdate(0, more))
        receiveWindow += more
        for stream in streams.values { stream.receiveWindow += Self.streamWindow - ownInitialWindow }
        ownInitialWindow = Self.streamWindow
    }

    func received(_ bytes: ArraySlice<UInt8>, _ fin: Bool, _ id: UInt32) throws(WireError) {
        wire.received(bytes.count, limit: holdLimit)
        receiveWindow -= bytes.count
        if peerCounts, receiveWindow < 0 { throw WireError("SPDY frame", "more data than the connection's window") }
        guard let stream = streams[id] else {
            grantConnection(bytes.count)
            // What is still on its way when a stream ends is no fault.
            if !isKnown(id) { answer(.reset(id, .invalidStream)) }
            return
        }
        stream.receiveWindow -= bytes.count
        if peerCounts, stream.receiveWindow < 0 {
            grantConnection(bytes.count)
            streams[id] = nil
            answer(.reset(id, .flowControlError))
            return stream.acceptBreak()
        }
        stream.accept(bytes)
        if fin { ended(stream) }
    }

    /// The peer's SETTINGS: a new initial window moves those of all streams, which is work; of several in one frame the first
    /// counts, as SPDY has it, and nobody changes his mind for ever.
    func apply(_ settings: [SPDYFrame.Setting]) throws(WireError) {
        settingsLeft -= 1
        guard settingsLeft >= 0 else { throw WireError("SPDY frame", "SETTINGS again and again") }
        if let setting = settings.first(where: { $0.id == SPDYFrame.Setting.initialWindowSize }) {
            guard setting.value <= 0x7fff_ffff else {
                throw WireError("SPDY frame", "a window of \(setting.value) bytes")
            }
            peerCounts = true
            announce()
            for stream in streams.values { stream.sendWindow += setting.value - peerInitialWindow }
            peerInitialWindow = setting.value
        }
        wakeWriters()
    }

    func widen(_ id: UInt32, by delta: Int) throws(WireError) {
        peerCounts = true
        if id == 0 {
            let wasShut = sendWindow <= 0
            sendWindow += delta
            guard sendWindow <= 0x7fff_ffff else { throw WireError("SPDY frame", "the connection's window overflows") }
            return wasShut && sendWindow > 0 ? wakeWriters() : ()
        }
        guard let stream = streams[id] else { return }
        stream.sendWindow += delta
        guard stream.sendWindow <= 0x7fff_ffff else {
            streams[id] = nil
            answer(.reset(id, .flowControlError))
            return stream.acceptBreak()
        }
        stream.onWritable?()
    }

    func room(for stream: ByteStream) -> Int {
        guard wire.isWritable else { return 0 }
        let window = peerCounts ? min(stream.sendWindow, sendWindow) : DescriptorSource.pieceSize
        return max(0, min(window, DescriptorSource.pieceSize))
    }

    func grant(_ count: Int, on stream: ByteStream) {
        grantConnection(count)
        stream.credit += count
        guard stream.credit >= ownInitialWindow / 2, !stream.isEnded, streams[stream.id] != nil else { return }
        // A peer makes us say this by what it sends, and may read none of it.
        answer(.windowUpdate(stream.id, stream.credit))
        stream.receiveWindow += stream.credit
        stream.credit = 0
    }

    private func grantConnection(_ count: Int) {
        wire.used(count, limit: holdLimit)
        credit += count
        let window = hasAnnounced ? Self.connectionWindow : SPDYFrame.initialWindow
        guard credit >= window / 2 else { return }
        answer(.windowUpdate(0, credit))
        receiveWindow += credit
        credit = 0
    }
}
