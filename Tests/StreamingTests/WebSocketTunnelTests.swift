// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOCore
import NIOEmbedded
import StreamFraming
import Testing

@testable import Streaming

@Suite struct WebSocketTunnelTests {
    private static func tunnel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: WebSocketTunnel(isServer: true))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/x")).wait()
        return channel
    }

    private static func send(_ frame: WebSocketFrame, to channel: EmbeddedChannel) throws {
        try channel.writeInbound(ByteBuffer(bytes: frame.encoded(mask: [1, 2, 3, 4])))
    }

    /// What the server has written since.
    private static func written(by channel: EmbeddedChannel) throws -> [WebSocketFrame] {
        var decoder = WebSocketDecoder(fromClient: false)
        var frames: [WebSocketFrame] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
            decoder.feed(Array(buffer.readableBytesView))
            while let frame = try decoder.next() { frames.append(frame) }
        }
        return frames
    }

    @Test func bytesAreInMessages() throws {
        let channel = try Self.tunnel()
        try Self.send(.message([1, 2]), to: channel)
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(bytes: [1, 2]))
        try channel.writeOutbound(ByteBuffer(bytes: [3]))
        #expect(try Self.written(by: channel) == [.message([3])])
    }

    /// A peer that asks on and on and does not read is answered once, when it reads again, and as to its last question.
    @Test func answersDoNotPileUp() throws {
        let channel = try Self.tunnel()
        try Self.send(.ping([1]), to: channel)
        channel.isWritable = false
        for number in UInt8(2)..<100 { try Self.send(.ping([number]), to: channel) }
        #expect(try Self.written(by: channel) == [.pong([1])])
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        channel.pipeline.fireChannelWritabilityChanged()
        #expect(try Self.written(by: channel) == [.pong([99])])
    }

    @Test func goodbyeIsAnswered() throws {
        let channel = try Self.tunnel()
        try Self.send(.close(code: 1001), to: channel)
        #expect(try Self.written(by: channel) == [.close(code: 1000)])
        #expect(!channel.isActive)
    }
}
