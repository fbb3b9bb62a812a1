// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import NIOEmbedded
import Testing

@testable import Streaming

@Suite struct ValueTests {
    /// For a connection that only is there.
    private final class Nobody: StreamSession {
        func accepts(_ stream: ByteStream) -> Bool { true }
        func connectionEnded(_ error: (any Error)?) {}
    }

    @Test func aTokenServesOnceWithinAMinute() throws {
        let tokens = StreamTokens()
        let start = ContinuousClock.now
        let request = StreamRequest.portForward(pod: "a", ports: [1])
        let (first, second) = (
            try #require(tokens.add(request, now: start)), try #require(tokens.add(request, now: start))
        )
        #expect(first != second && first.count == 32)
        #expect(tokens.take(first, now: start + .seconds(59)) == request)
        #expect(tokens.take(first, now: start) == nil)
        #expect(tokens.take(second, now: start + .seconds(60)) == nil)
        #expect(tokens.take("", now: start) == nil)
    }

    @Test func tokensAreBounded() throws {
        let tokens = StreamTokens()
        let start = ContinuousClock.now
        let request = StreamRequest.portForward(pod: "a", ports: [])
        for _ in 0..<StreamTokens.limit { _ = try #require(tokens.add(request, now: start)) }
        #expect(tokens.add(request, now: start + .seconds(59)) == nil)
        #expect(tokens.add(request, now: start + .seconds(61)) != nil)
    }

    @Test func base64ComesInPieces() {
        var pieces = Base64Pieces()
        #expect(pieces.decode(Array("aGV".utf8)[...], isLast: false) == [])
        #expect(pieces.decode(Array("sbG8".utf8)[...], isLast: false) == Array("hel".utf8))
        #expect(pieces.decode(Array("=".utf8)[...], isLast: true) == Array("lo".utf8))
        #expect(pieces.decode(Array("a!==".utf8)[...], isLast: true) == nil)
        #expect(pieces.decode([], isLast: true) == [])
    }

    @Test func messagesNameTheirChannel() {
        #expect(WebSocketProtocol(name: "v5.channel.k8s.io").message(2, [104, 105]) == [2, 104, 105])
        #expect(WebSocketProtocol(name: "v4.base64.channel.k8s.io").message(2, [104, 105]) == Array("2aGk=".utf8))
        #expect(WebSocketProtocol(name: "base64.channel.k8s.io").channel(UInt8(ascii: "4")) == 4)
        #expect(!WebSocketProtocol(name: "v4.channel.k8s.io").canEndChannels)
        #expect(WebSocketProtocol(name: "SPDY/3.1+portforward.k8s.io").tunnelled == "portforward.k8s.io")
        #expect(WebSocketProtocol(name: "portforward.k8s.io").tunnelled == nil)
    }

    /// However many come at once, only the last is read and told.
    @Test func theLastSizeCounts() {
        let connection = WebSocketConnection(
            channel: EmbeddedChannel(), session: Nobody(), dialect: WebSocketProtocol(), channels: [], isServer: true,
            idleTimeout: .seconds(1))
        let stream = ByteStream(id: 1, carrier: connection)
        var sizes: [WindowSize] = []
        let reader = ResizeReader(stream) { sizes.append($0) }
        let size = WindowSize(rows: 24, columns: 80)
        let many = (1...100).flatMap { ResizeReader.bytes(WindowSize(rows: $0, columns: 1)) } + ResizeReader.bytes(size)
        reader.receive(many[...])
        #expect(sizes == [size])
        // In two pieces, and behind what is none.
        reader.receive(Array("}} {\"Width\":7,".utf8)[...])
        reader.receive(Array("\"Height\":9}{".utf8)[...])
        #expect(sizes == [size, WindowSize(rows: 9, columns: 7)])
    }

    @Test func keysThatLeaveAreHeldBackUntilItIsClear() {
        var keys = DetachKeys([16, 17])
        #expect(keys.filter([97, 16]) == [97])
        #expect(keys.filter([98]) == [16, 98])
        #expect(keys.filter([16, 16]) == [16])
        #expect(keys.filter([17, 99]) == nil)
    }

    @Test func theStatusIsWhatClientsRead() throws {
        let failed = CommandStatus(exitCode: 3)
        #expect(
            String(decoding: failed.bytes(asObject: true), as: UTF8.self)
                == #"{"details":{"causes":[{"message":"3","reason":"ExitCode"}]},"message":"command terminated with "#
                + #"non-zero exit code: exit status 3","metadata":{},"reason":"NonZeroExitCode","status":"Failure"}"#)
        #expect(
            String(decoding: failed.bytes(asObject: false), as: UTF8.self)
                == "command terminated with non-zero exit code: exit status 3")
        #expect(CommandStatus(exitCode: 0).bytes(asObject: false).isEmpty)
        for status in [failed, CommandStatus(exitCode: 0), CommandStatus(failure: "no \"such\"\nthing")] {
            #expect(CommandStatus(parsing: status.bytes(asObject: true)) == status)
        }
        #expect(failed.exitCode == 3 && CommandStatus(exitCode: 0).exitCode == 0)
        #expect(CommandStatus(failure: "x").exitCode == nil && CommandStatus(parsing: [1]) == nil)
    }
}
