// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import NIOCore
import NIOEmbedded
import StreamFraming
import Testing

@testable import Streaming

@Suite struct UpgradeHandlerTests {
    /// An engine without anything in it.
    private struct Nobody: StreamHandler {
        func exec(_: String, _: [String], _: StandardStreams) async throws -> StreamedProcess { throw Errno.ESRCH }
        func attach(_: String, _: StandardStreams) async throws -> StreamedProcess { throw Errno.ESRCH }
        func connect(_: String, port: UInt16) async throws -> SharedFD { throw Errno.ESRCH }
    }

    /// The kernel's side of a connection whose client is gone: so many pieces are taken, and the next one is the end.
    private final class GoneClient: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        private var pieces: Int
        init(after pieces: Int) { self.pieces = pieces }
        func flush(context: ChannelHandlerContext) {
            if pieces == 0 { context.close(promise: nil) } else { context.flush() }
            pieces -= 1
        }
    }

    /// Its request has come with all that follows, and in the middle of that it shows that it has gone: who would wait for it,
    /// or start something for it, must hear of that.
    @Test(arguments: 0..<4) func aClientHasGoneBeforeItIsServed(_ pieces: Int) throws {
        let tokens = StreamTokens()
        let streams = StandardStreams(stdin: true, stdout: true)
        let token = try #require(tokens.add(.exec(container: "c", command: ["cat"], streams)))
        let handler = UpgradeHandler(tokens, Nobody(), idleTimeout: .seconds(14_400))
        let channel = try connect(handler, GoneClient(after: pieces))
        var encoder = SPDYEncoder()
        var bytes = Array(
            """
            POST /exec/\(token) HTTP/1.1\r
            Connection: Upgrade\r
            Upgrade: SPDY/3.1\r
            X-Stream-Protocol-Version: v4.channel.k8s.io\r
            \r

            """.utf8)
        for (index, kind) in ["error", "stdin", "stdout"].enumerated() {
            bytes += encoder.encode(
                .synStream(UInt32(2 * index + 1), headers: [.init("streamtype", kind)], fin: false))
        }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        #expect(!channel.isActive)
        let connection = try channel.pipeline.syncOperations.handler(type: SPDYConnection.self)
        #expect(!connection.wire.isWatched)
    }

    private func connect(_ handler: UpgradeHandler, _ kernel: (any ChannelHandler)? = nil) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        if let kernel { try channel.pipeline.syncOperations.addHandler(kernel) }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/x")).wait()
        return channel
    }

    /// Anybody can be refused, as often as he likes.
    @Test func nothingIsKeptOfARefusal() throws {
        let handler = UpgradeHandler(StreamTokens(), Nobody(), idleTimeout: .seconds(14_400))
        let channel = try connect(handler)
        try channel.writeInbound(ByteBuffer(string: "GET /exec/1 HTTP/1.1\r\n\r\n"))
        let answer = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(String(buffer: answer).hasPrefix("HTTP/1.1 400 "))
        #expect(handler.refused?.isWatched == true)
        channel.embeddedEventLoop.advanceTime(by: .seconds(5))
        #expect(!channel.isActive)
        #expect(handler.refused?.isWatched == false)
    }

    @Test func whoSaysNothingIsClosed() throws {
        let channel = try connect(UpgradeHandler(StreamTokens(), Nobody(), idleTimeout: .seconds(14_400)))
        channel.embeddedEventLoop.advanceTime(by: .seconds(30))
        #expect(!channel.isActive)
    }
}
