// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOCore
import NIOEmbedded
import StreamFraming
import Testing

@testable import Streaming

@Suite struct SPDYConnectionTests {
    private final class Session: StreamSession {
        var streams: [ByteStream] = []
        var ended = false
        func accepts(_ stream: ByteStream) -> Bool {
            streams.append(stream)
            return stream.field("refuse") == nil
        }
        func connectionEnded(_ error: (any Error)?) { ended = true }
    }

    private final class Reader: StreamConsumer {
        var bytes: [UInt8] = []
        var isEnded = false
        func receive(_ more: ArraySlice<UInt8>) { bytes += more }
        func receiveEnd() { isEnded = true }
    }

    /// A server's side, and a client that speaks bytes.
    private struct Pair: ~Copyable {
        let channel = EmbeddedChannel()
        let session = Session()
        let connection: SPDYConnection
        var encoder = SPDYEncoder()
        var decoder = SPDYDecoder()

        init() throws {
            connection = SPDYConnection(channel: channel, session: session, isServer: true, idleTimeout: .seconds(100))
            try channel.connect(to: SocketAddress(unixDomainSocketPath: "/x")).wait()
            try channel.pipeline.syncOperations.addHandler(connection)
        }

        mutating func send(_ frames: SPDYFrame...) throws {
            for frame in frames { try channel.writeInbound(ByteBuffer(bytes: encoder.encode(frame))) }
        }

        /// What the server has written since.
        mutating func written() throws -> [SPDYFrame] {
            var frames: [SPDYFrame] = []
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
                decoder.feed(Array(buffer.readableBytesView))
                while let frame = try decoder.next() { frames.append(frame) }
            }
            return frames
        }
    }

    @Test func streamsAreAcceptedAndRefused() throws {
        var pair = try Pair()
        try pair.send(.synStream(1, headers: [.init("streamtype", "data")], fin: false))
        try pair.send(.synStream(3, headers: [.init("refuse", "")], fin: false))
        #expect(
            try pair.written() == [
                .synReply(1, headers: [], fin: false), .synReply(3, headers: [], fin: false), .reset(3, .cancel),
            ])
        // What was said of it is of no more use.
        #expect(pair.session.streams[0].fields.isEmpty)
        let reader = Reader()
        try pair.send(.data(1, [1, 2], fin: false))
        pair.session.streams[0].deliver(to: reader)
        try pair.send(.data(1, [3], fin: true), .data(3, [9], fin: false))
        #expect(reader.bytes == [1, 2, 3] && reader.isEnded)
        pair.session.streams[0].send([7, 8])
        pair.session.streams[0].finish()
        #expect(try pair.written() == [.data(1, [7, 8], fin: false), .data(1, [], fin: true)])
        try pair.send(.data(5, [1], fin: false), .ping(3))
        #expect(try pair.written() == [.reset(5, .invalidStream), .ping(3)])
    }

    /// Kubernetes' own clients never send WINDOW_UPDATE.
    @Test func aPeerThatDoesNotCountIsNotWaitedFor() throws {
        var pair = try Pair()
        try pair.send(.synStream(1, headers: [], fin: false))
        let stream = pair.session.streams[0]
        for _ in 0..<10 {
            #expect(stream.room == DescriptorSource.pieceSize)
            stream.send([UInt8](repeating: 0, count: 60_000)[...])
        }
        // From its first update on it is held to what it said, from the beginning.
        try pair.send(.windowUpdate(1, 1000), .windowUpdate(0, 1000))
        #expect(stream.room == 0)
        try pair.send(.windowUpdate(1, 600_000 - 65_536), .windowUpdate(0, 600_000 - 65_536))
        #expect(stream.room == 1000)
    }

    @Test func windowsAreObeyed() throws {
        var pair = try Pair()
        try pair.send(.settings([.init(id: SPDYFrame.Setting.initialWindowSize, value: 10)]))
        #expect(
            try pair.written() == [
                .settings([.init(id: SPDYFrame.Setting.initialWindowSize, value: SPDYConnection.streamWindow)]),
                .windowUpdate(0, SPDYConnection.connectionWindow - SPDYFrame.initialWindow),
            ])
        try pair.send(.synStream(1, headers: [], fin: false))
        let stream = pair.session.streams[0]
        var wakes = 0
        stream.onWritable = { wakes += 1 }
        #expect(stream.room == 10)
        stream.send([1, 2, 3, 4][...])
        #expect(stream.room == 6)
        try pair.send(.windowUpdate(1, 5))
        #expect(stream.room == 11 && wakes == 1)
        // A smaller initial window may make it negative.
        try pair.send(.settings([.init(id: SPDYFrame.Setting.initialWindowSize, value: 0)]))
        #expect(stream.room == 1)
        try pair.send(.windowUpdate(1, 0x7fff_ffff))
        #expect(try pair.written().last == .reset(1, .flowControlError))
    }

    @Test func whatComesInIsBounded() throws {
        var pair = try Pair()
        try pair.send(.settings([.init(id: SPDYFrame.Setting.initialWindowSize, value: 65_536)]))
        try pair.send(.synStream(1, headers: [], fin: false), .synStream(3, headers: [], fin: false))
        _ = try pair.written()
        let block = [UInt8](repeating: 1, count: SPDYConnection.streamWindow / 2)[...]
        try pair.send(.data(1, block, fin: false), .data(1, block, fin: false))
        #expect(try pair.written() == [])
        // Half of the window is taken: the peer hears of it.
        pair.session.streams[0].consumed(block.count)
        #expect(try pair.written() == [.windowUpdate(1, block.count)])
        try pair.send(.data(1, block, fin: false), .data(1, [1], fin: false))
        #expect(try pair.written() == [.reset(1, .flowControlError)])
        #expect(pair.session.streams[0].isBroken && !pair.session.streams[1].isBroken)
    }

    /// Questions of a peer that reads no answers are answered up to a limit, and then not heard until it reads.
    @Test func whoDoesNotReadIsNotHeard() throws {
        var pair = try Pair()
        let channel = pair.channel
        func isRead() -> Bool {
            channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
        }
        try pair.send(.ping(1))
        #expect(isRead())
        pair.channel.isWritable = false
        for number in UInt32(0)..<6000 { try pair.send(.ping(2 * number + 1)) }
        #expect(!isRead())
        pair.channel.isWritable = true
        pair.channel.pipeline.fireChannelWritabilityChanged()
        #expect(isRead())
        #expect(try pair.written().count == 6001)
    }

    /// What it sends is used at once, each time with an answer that it does not read.
    @Test func whoSendsAndDoesNotReadIsNotHeard() throws {
        var pair = try Pair()
        let channel = pair.channel
        func isRead() -> Bool {
            channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
        }
        try pair.send(.synStream(1, headers: [], fin: false))
        final class Eater: StreamConsumer {
            weak var stream: ByteStream?
            func receive(_ bytes: ArraySlice<UInt8>) { stream?.consumed(bytes.count) }
            func receiveEnd() {}
        }
        let eater = Eater()
        eater.stream = pair.session.streams[0]
        pair.session.streams[0].deliver(to: eater)
        pair.channel.isWritable = false
        let block = [UInt8](repeating: 7, count: 65_536)[...]
        var sent = 0
        while isRead(), sent < 10_000 {
            try pair.send(.data(1, block, fin: false))
            sent += 1
        }
        #expect(1000 < sent && sent < 10_000)
        pair.channel.isWritable = true
        pair.channel.pipeline.fireChannelWritabilityChanged()
        #expect(isRead())
    }

    @Test func ofManySettingsTheFirstCounts() throws {
        var pair = try Pair()
        func setting(_ value: Int) -> SPDYFrame.Setting { .init(id: SPDYFrame.Setting.initialWindowSize, value: value) }
        try pair.send(.settings([setting(10), setting(20)]), .synStream(1, headers: [], fin: false))
        #expect(pair.session.streams[0].room == 10)
        for _ in 0..<98 { try pair.send(.settings([setting(30)])) }
        #expect(pair.session.streams[0].room == 30)
        try pair.send(.settings([]), .settings([]))
        #expect(try pair.written().last == .goAway(last: 1, status: 1))
    }

    @Test func abreachEndsTheConnection() throws {
        var pair = try Pair()
        try pair.send(.synStream(1, headers: [], fin: false))
        var isBroken = false
        pair.session.streams[0].onBreak = { isBroken = true }
        try pair.send(.synStream(2, headers: [], fin: false))
        #expect(try pair.written().last == .goAway(last: 1, status: 1))
        #expect(isBroken)
        pair.channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(pair.session.ended)
    }

}
