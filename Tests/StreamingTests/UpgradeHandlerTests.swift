// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import NIOCore
import NIOEmbedded
import Testing

@testable import Streaming

@Suite struct UpgradeHandlerTests {
    /// An engine without anything in it.
    private struct Nobody: StreamHandler {
        func exec(_: String, _: [String], _: StandardStreams) async throws -> StreamedProcess { throw Errno.ESRCH }
        func attach(_: String, _: StandardStreams) async throws -> StreamedProcess { throw Errno.ESRCH }
        func connect(_: String, port: UInt16) async throws -> SharedFD { throw Errno.ESRCH }
    }

    private func connect(_ handler: UpgradeHandler) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
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
