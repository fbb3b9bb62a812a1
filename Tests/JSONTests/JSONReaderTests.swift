// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Testing

@testable import JSON

@Suite struct JSONReaderTests {
    struct Thing: Codable, Hashable {
        enum Colour: String, Codable, CaseIterable { case red, green }

        var name: String
        var number: Int32?
        var big: UInt64?
        var flag: Bool?
        var colours: [Colour]?
        var words: [String]?
        var notes: [String: String]?
        var inner: [Thing]?
        var table: [String: [Int]]?
    }

    private func read(_ text: String) throws -> Thing { try JSONDocument(Array(text.utf8)).decode(Thing.self) }

    @Test func `values of all kinds are read`() throws {
        let thing = try read(
            #"""
            {"unknown": [{}, null, -1.5e+3], "name":"a\"b\\\/\b\f\n\r\t\u00e4\ud83d\ude00é","number":-12,"big":18446744073709551615,
             "flag":true,"colours":["red","green"],"words":["x",""],"notes":{"k":"v","\u006b2":"w"},
             "inner":[{"name":"i","number":null}],"table":{"t":[1,2]}}
            """#)
        #expect(thing.name == "a\"b\\/\u{8}\u{c}\n\r\tä😀é")
        #expect(thing.number == -12 && thing.big == .max && thing.flag == true)
        #expect(thing.colours == [.red, .green] && thing.words == ["x", ""])
        #expect(thing.notes == ["k": "v", "k2": "w"])
        #expect(thing.inner == [Thing(name: "i")] && thing.table == ["t": [1, 2]])
    }

    @Test(arguments: [("1e3", 1000), ("1.0", 1), ("-0", 0), ("2147483647", Int32.max)])
    func `integers may be written as fractions`(_ text: String, _ number: Int32) throws {
        #expect(try read(#"{"name":"","number":\#(text)}"#).number == number)
    }

    @Test func `the last of members with one name counts`() throws {
        #expect(try read(#"{"name":"a","name":"b","n\u0061me":"c"}"#).name == "c")
    }

    @Test(arguments: [
        ("{}", "name: required property is missing (line 1, column 1)"),
        (#"{"name":1}"#, "name: a string is expected, not a number (line 1, column 9)"),
        (#"{"name":"","flag":"x"}"#, "flag: a boolean is expected, not a string (line 1, column 20)"),
        (
            "{\"name\":\"\",\n \"number\": 3000000000}",
            "number: 3000000000 is not a number from -2147483648 to 2147483647"
        ),
        (#"{"name":"","number":1.5}"#, "number: 1.5 is not a number"),
        (
            #"{"name":"","inner":[{"name":""},{"name":"","colours":["red","blue"]}]}"#,
            #"inner[1].colours[1]: "blue" is none of red, green"#
        ),
        (#"{"name":"","inner":[{"name":""},{}]}"#, "inner[1].name: required property is missing"),
        (#"{"name":"","words":["a",7]}"#, "words[1]: a string is expected, not a number"),
        ("[]", "an object is expected, not an array (line 1, column 1)"),
    ])
    func `errors name the property and its place`(_ text: String, _ message: String) {
        let error = #expect(throws: JSONError.self) { try read(text) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{1:2}", "nul", "truex", "01", "1.", "-", "1e",
        ".5",
        "+1", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "1 2",
        "[1 2]", "NaN", "'a'", "[1]]", "{\"a\":}", "\u{FEFF}1",
    ])
    func `broken texts are refused`(_ text: String) {
        let error = #expect(throws: JSONError.self) { try JSONDocument(Array(text.utf8)) }
        #expect(error?.kind == .syntax)
        #expect(error?.description.hasPrefix("not valid JSON: ") == true)
    }

    @Test func `bytes that are no text are refused`() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0]] {
            #expect(throws: JSONError.self) { try JSONDocument(bytes) }
        }
    }

    @Test func `deep texts end as errors`() {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(throws: JSONError.self) { try JSONDocument(deep) }
        let fair = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        #expect(throws: Never.self) { try JSONDocument(Array(fair.utf8)) }
    }

    /// Every prefix and every single wrong byte: an answer, never a crash.
    @Test func `damaged texts have an answer`() throws {
        let text = Array(
            #"{"name":"aé\n\ud83d\ude00","number":-1.5e2,"inner":[{"name":"x"}],"flag":false,"words":null}"#.utf8)
        for length in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONDocument(Array(text.prefix(length))) }
            for byte: UInt8 in [0, 0x22, 0x2C, 0x5B, 0x5C, 0x7D, 0x80, 0xFF] {
                var damaged = text
                damaged[length] = byte
                _ = try? JSONDocument(damaged).decode(Thing.self)
            }
        }
    }
}
