// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import StreamFraming

@Suite struct HTTPHeadTests {
    private static func read(_ text: String, by size: Int = .max) throws -> (head: HTTPHead, rest: [UInt8])? {
        var reader = HTTPHeadReader()
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            if let (head, more) = try reader.read(piece) { return (head, more + rest) }
        }
        return nil
    }

    @Test(arguments: [1, 4, .max])
    func aRequest(_ size: Int) throws {
        let text = "GET /exec/a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nEmpty:\r\n\r\n\u{1}rest"
        let (head, rest) = try #require(try Self.read(text, by: size))
        #expect(head.line == ["GET", "/exec/a", "HTTP/1.1"])
        #expect(head.fields.map(\.value) == ["x", "keep-alive, Upgrade", ""])
        #expect(head.has("connection", "upgrade") && !head.has("connection", "close"))
        #expect(String(decoding: rest, as: UTF8.self) == "\u{1}rest")
    }

    @Test func anAnswerAndBack() throws {
        let head = HTTPHead(line: ["HTTP/1.1", "101", "Switching Protocols"], fields: [.init("Upgrade", "SPDY/3.1")])
        #expect(head.bytes == Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n".utf8))
        #expect(try Self.read(String(decoding: head.bytes, as: UTF8.self))?.head == head)
    }

    @Test(arguments: [
        "GET\r\n\r\n", "GET  /\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\nA: b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\u{0}\r\n\r\n",
        "GET / HTTP/1.1\r\n folded: a\r\n\r\n", "\r\n\r\n", String(repeating: "a", count: 17_000),
    ])
    func malformedHeadsAreErrors(_ text: String) { #expect(throws: WireError.self) { try Self.read(text) } }
}
