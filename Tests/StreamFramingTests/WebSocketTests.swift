// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import StreamFraming

@Suite struct WebSocketTests {
    private static func decode(_ bytes: [UInt8], fromClient: Bool, by size: Int = .max) throws -> [WebSocketFrame] {
        var decoder = WebSocketDecoder(fromClient: fromClient)
        var result: [WebSocketFrame] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            decoder.feed(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
            while let frame = try decoder.next() { result.append(frame) }
        }
        return result
    }

    /// The examples of RFC 6455, section 5.7.
    @Test func examplesOfTheStandard() throws {
        let hello = Array("Hello".utf8)
        #expect(WebSocketFrame.message(hello, isText: true).encoded() == hex("81 05 48656c6c6f"))
        #expect(
            WebSocketFrame.message(hello, isText: true).encoded(mask: hex("37fa213d"))
                == hex("81 85 37fa213d 7f9f4d5158"))
        #expect(WebSocketFrame.ping(hello).encoded() == hex("89 05 48656c6c6f"))
        #expect(WebSocketFrame.pong(hello).encoded(mask: hex("37fa213d")) == hex("8a 85 37fa213d 7f9f4d5158"))
        #expect(
            try Self.decode(hex("01 03 48656c 80 02 6c6f"), fromClient: false) == [
                .piece([72, 101, 108], .init(isText: true, isFirst: true, isLast: false)),
                .piece([108, 111], .init(isText: true, isFirst: false, isLast: true)),
            ])
    }

    @Test(arguments: [(125, "82 7d"), (126, "82 7e 007e"), (65_535, "82 7e ffff"), (65_536, "82 7f 0000000000010000")])
    func lengths(_ count: Int, _ head: String) throws {
        let message = WebSocketFrame.message([UInt8](repeating: 7, count: count))
        let bytes = message.encoded()
        #expect(bytes.starts(with: hex(head)) && bytes.count == hex(head).count + count)
        #expect(try Self.decode(bytes, fromClient: false) == [message])
    }

    @Test(arguments: [1, 2, 5, 13, 1000])
    func masksGoOnOverPieces(_ size: Int) throws {
        let payload = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let bytes = WebSocketFrame.message(payload).encoded(mask: [1, 2, 3, 4])
        var whole: [UInt8] = []
        var ends = 0
        for case .piece(let piece, let place) in try Self.decode(bytes, fromClient: true, by: size) {
            #expect(place.isFirst == whole.isEmpty)
            whole += piece
            if place.isLast { ends += 1 }
        }
        #expect(whole == payload && ends == 1)
    }

    @Test func controlFramesComeBetweenFragments() throws {
        let bytes = hex("02 01 61  89 00  88 02 03e8  80 01 62")
        #expect(
            try Self.decode(bytes, fromClient: false) == [
                .piece([97], .init(isText: false, isFirst: true, isLast: false)), .ping([]), .close(code: 1000),
                .piece([98], .init(isText: false, isFirst: false, isLast: true)),
            ])
    }

    @Test(arguments: [
        ("82 81 01020304 60", false, "it is masked"),
        ("82 01 61", true, "it is not masked"),
        ("c2 01 61", false, "extension"),
        ("83 00", false, "opcode 3"),
        ("80 01 61", false, "continuation"),
        ("02 01 61 82 01 61", false, "inside another"),
        ("09 00", false, "fragments"),
        ("89 7e 0080", false, "control frame"),
        ("88 01 03", false, "close code"),
        ("82 7e 0001 61", false, "length"),
        ("82 7f 0000000000000001 61", false, "length"),
        ("82 7f ffffffffffffffff", false, "length"),
    ])
    func malformedFramesAreErrors(_ bytes: String, _ fromClient: Bool, _ words: String) {
        let error = #expect(throws: WireError.self) { try Self.decode(hex(bytes), fromClient: fromClient) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }
}
