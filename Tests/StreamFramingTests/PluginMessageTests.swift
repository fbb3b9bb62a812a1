// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import StreamFraming

@Suite struct PluginMessageTests {
    private static func decode(_ bytes: [UInt8], by size: Int = .max) throws -> [(PluginMessage.Channel, PluginMessage)]
    {
        var decoder = PluginDecoder()
        var result: [(PluginMessage.Channel, PluginMessage)] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            decoder.feed(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            while let next = try decoder.next() { result.append(next) }
        }
        return result
    }

    @Test func bytesOfARequest() {
        let message = PluginMessage(kind: .request, stream: 3, payload: [0xAA, 0xBB])
        #expect(
            message.frames(on: .plugin) == [
                0, 0, 0, 1,  // connection
                0, 0, 0, 12,  // length of the frame
                0, 0, 0, 2,  // length of the payload
                0, 0, 0, 3,  // stream
                1, 0,  // request, no flags
                0xAA, 0xBB,
            ])
    }

    /// A plugin reads 4096 bytes at a time until it knows how many there are.
    @Test func longMessagesBeginWithAShortFrame() throws {
        let message = PluginMessage(kind: .response, stream: 1, payload: [UInt8](repeating: 7, count: 10_000))
        let bytes = message.frames(on: .runtime)
        #expect(Array(bytes[0..<8]) == [0, 0, 0, 2, 0, 0, 0x10, 0])
        #expect(Array(bytes[4104..<4112]) == [0, 0, 0, 2, 0, 0, 0x17, 0x1A])
        #expect(bytes.count == 10_010 + 16)
    }

    @Test(arguments: [1, 2, 7, 11, 4096, .max])
    func piecesOfAnySize(_ size: Int) throws {
        let answer = PluginMessage(
            kind: .response, stream: 5, payload: (0..<9000).map { UInt8(truncatingIfNeeded: $0) })
        let request = PluginMessage(kind: .request, stream: 1, isOpen: true, payload: [])
        let bytes = answer.frames(on: .plugin) + request.frames(on: .runtime)
        let decoded = try Self.decode(bytes, by: size)
        #expect(decoded.map(\.0) == [.plugin, .runtime] && decoded.map(\.1) == [answer, request])
    }

    /// The two conversations may lie in each other's gaps.
    @Test func conversationsAreIndependent() throws {
        let answer = PluginMessage(kind: .response, stream: 1, payload: [1, 2, 3, 4]).frames(on: .plugin)
        let request = PluginMessage(kind: .request, stream: 1, payload: [9]).frames(on: .runtime)
        let body = Array(answer.dropFirst(8))
        let first: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 5] + body.prefix(5)
        let second: [UInt8] = [0, 0, 0, 1, 0, 0, 0, UInt8(body.count - 5)] + body.dropFirst(5)
        #expect(
            try Self.decode(first + request + [0, 0, 0, 2, 0, 0, 0, 0] + second).map(\.1.payload) == [
                [9], [1, 2, 3, 4],
            ])
    }

    @Test(
        arguments: [
            ([0, 0, 0, 0, 0, 0, 0, 1], "there is no connection 0"),
            ([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1], "there is no connection 4294967295"),
            ([0, 0, 0, 1, 0, 0x40, 0, 11], "a frame of 4194315 bytes"),
            ([0, 0, 0, 1, 0, 0, 0, 10, 0, 0x40, 0, 1, 0, 0, 0, 1, 2, 0], "a message of 4194305 bytes"),
            ([0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 4, 0], "a message of type 4"),
            ([0, 0, 0, 1, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0], "a request where answers are expected"),
            ([0, 0, 0, 2, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0], "a data where requests are expected"),
            ([0, 0, 0, 2, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0], "a request on the even stream 2"),
        ] as [([UInt8], String)])
    func malformed(_ bytes: [UInt8], _ cause: String) {
        #expect { try Self.decode(bytes) } throws: { "\($0)" == "read frame of an NRI plugin: \(cause)" }
    }
}
