// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import JSON

@Suite struct JSONWriterTests {
    struct Thing: Codable, Hashable {
        var name: String
        var numbers: [Int]?
        var notes: [String: String]?
        var inner: [Thing]?
        var flag: Bool?
    }

    private let thing = Thing(
        name: "a\"\\/\n\u{1}\u{1F}é", numbers: [], notes: ["b": "2", "a": "1"],
        inner: [Thing(name: "x", numbers: [1, -2], flag: true), Thing(name: "", notes: [:])])

    @Test func `one line in the order of the type`() throws {
        let text = String(decoding: try JSONWriter.write(thing), as: UTF8.self)
        #expect(
            text == #"{"name":"a\"\\/\n\u0001\u001fé","numbers":[],"notes":{"a":"1","b":"2"},"inner":["#
                + #"{"name":"x","numbers":[1,-2],"flag":true},{"name":"","notes":{}}]}"#)
    }

    @Test func `pretty text is indented`() throws {
        let text = String(decoding: try JSONWriter.write([thing.inner?[0]], pretty: true), as: UTF8.self)
        #expect(
            text == """
                [
                  {
                    "name": "x",
                    "numbers": [
                      1,
                      -2
                    ],
                    "flag": true
                  }
                ]
                """)
    }

    @Test func `what is written is read again`() throws {
        for pretty in [false, true] {
            let bytes = try JSONWriter.write(thing, pretty: pretty)
            #expect(try JSONDocument(bytes).decode(Thing.self) == thing)
        }
        #expect(try JSONWriter.write(7) == [UInt8(ascii: "7")])
        #expect(String(decoding: try JSONWriter.write([nil, "x"]), as: UTF8.self) == #"[null,"x"]"#)
    }

    @Test func `fractions are written, and what is no number is refused`() throws {
        let bytes = try JSONWriter.write([1.5, -0.25, 1e-9])
        #expect(try JSONDocument(bytes).decode([Double].self) == [1.5, -0.25, 1e-9])
        #expect(throws: EncodingError.self) { try JSONWriter.write([Double.nan]) }
    }
}
