// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import Testing

struct MonitorConnectionTests {
    @Test func requestsAndAnswersCrossASocket() throws {
        var pair = try UnixSocket.pair(.sequencedPackets)
        guard let near = pair.takeFirst(), let far = pair.takeSecond() else { throw Errno.EBADF }
        var connection = MonitorConnection(adopting: near)
        let first = try connection.send(.list)
        var pipe = try Pipe()
        guard let writer = pipe.takeWriter() else { throw Errno.EBADF }
        let second = try connection.send(.adopt, descriptors: [writer.rawValue])
        #expect(first != second)

        let received = try far.receive(upTo: MonitorMessage.maximumSize)
        #expect(try MonitorRequest(decoding: received.bytes) == .list)
        #expect(try far.receive(upTo: MonitorMessage.maximumSize).descriptors.count == 1)

        #expect(try connection.receive(milliseconds: 0) == nil)
        try far.send(try MonitorMessage.reply(first, .ok).encoded(version: 2))
        #expect(try connection.receive(milliseconds: 10_000) == .reply(first, .ok))
        _ = consume far
        #expect(try connection.receive(milliseconds: 10_000) == nil)
    }

    @Test func theLongestMessageIsOnePacket() throws {
        var pair = try UnixSocket.pair(.sequencedPackets)
        guard let near = pair.takeFirst(), let far = pair.takeSecond() else { throw Errno.EBADF }
        let long = MonitorRequest.forget(container: String(repeating: "x", count: 131_072 - 12))
        var connection = MonitorConnection(adopting: near)
        try connection.send(long)
        #expect(try MonitorRequest(decoding: try far.receive(upTo: MonitorMessage.maximumSize).bytes) == long)
    }
}
