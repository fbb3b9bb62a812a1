// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Foundation
import Linux
import Testing

@testable import Cgroups

struct DBusTests {
    /// Text as bytes, and hexadecimal digits as bytes.
    private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }
    private static func hex(_ text: String) -> [UInt8] {
        text.split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }

    @Test func `the authentication names the user in hexadecimal digits`() {
        let root = DBusConnection.authentication(uid: 0, isMapped: false)
        #expect(root == Self.ascii("\0AUTH EXTERNAL 30\r\nBEGIN\r\n"))
        let user = DBusConnection.authentication(uid: 1000, isMapped: false)
        #expect(user == Self.ascii("\0AUTH EXTERNAL 31303030\r\nBEGIN\r\n"))
        let mapped = DBusConnection.authentication(uid: 0, isMapped: true)
        #expect(mapped == Self.ascii("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"))
    }

    @Test func `a call is the bytes of the specification`() {
        var message = DBusMessage(
            call: "M", of: "a.b", at: "/p", to: "c.d",
            [.string("x"), .array(of: "(sv)", [.structure([.string("k"), .variant(.uint64(258))])])])
        message.serial = 7
        var expected: [UInt8] = []
        // Little-endian, call, no flags, version 1; 40 bytes of body; serial 7; 76 bytes of fields.
        expected += Self.hex("6C 01 00 01 28 00 00 00 07 00 00 00 4C 00 00 00")
        // Field 1, path: type "o", length 2, text, NUL, zeros up to a multiple of 8.
        expected += Self.hex("01 01 6F 00 02 00 00 00") + Self.ascii("/p\0") + Self.hex("00 00 00 00 00")
        // Field 2, interface.
        expected += Self.hex("02 01 73 00 03 00 00 00") + Self.ascii("a.b\0") + Self.hex("00 00 00 00")
        // Field 3, member.
        expected += Self.hex("03 01 73 00 01 00 00 00") + Self.ascii("M\0") + Self.hex("00 00 00 00 00 00")
        // Field 6, destination.
        expected += Self.hex("06 01 73 00 03 00 00 00") + Self.ascii("c.d\0") + Self.hex("00 00 00 00")
        // Field 8, signature of the body, then zeros: 16 + 76 bytes are no multiple of 8.
        expected += Self.hex("08 01 67 00") + Self.hex("06") + Self.ascii("sa(sv)\0") + Self.hex("00 00 00 00")
        // Body: string "x", then zeros up to a multiple of 4.
        var body = Self.hex("01 00 00 00") + Self.ascii("x\0") + Self.hex("00 00")
        // 24 bytes of array; its first structure begins at a multiple of 8.
        body += Self.hex("18 00 00 00 00 00 00 00")
        // "k", the variant's signature "t", zeros up to a multiple of 8, 258.
        body += Self.hex("01 00 00 00") + Self.ascii("k\0") + Self.hex("01") + Self.ascii("t\0")
        body += Self.hex("00 00 00 00 00 00 00") + Self.hex("02 01 00 00 00 00 00 00")
        #expect(message.encoded() == expected + body)
    }

    /// What a busy manager sends is no answer, however much of it there is.
    @Test func `signals without end do not keep a call from its end`() throws {
        var pair = try UnixSocket.pair(.stream)
        guard let ours = pair.takeFirst(), let theirs = pair.takeSecond() else { throw Errno.EBADF }
        Thread.detachNewThread {
            var signal = DBusMessage(.signal)
            signal.member = "UnitNew"
            var bytes = Self.ascii("OK 0123456789abcdef0123456789abcdef\r\n")
            // Until the other end is closed.
            while (try? theirs.send(bytes)) != nil { bytes = signal.encoded() }
        }
        var connection = try DBusConnection.authenticated(ours, "peer")
        connection.patience = 200
        let failure = #expect(throws: CgroupError.self) {
            try connection.call(DBusMessage(call: "M", of: "a.b", at: "/p", to: nil, []))
        }
        #expect(failure?.code == .system(.ETIMEDOUT))
    }

    static let values: [DBusValue] = [
        .byte(255), .boolean(true), .boolean(false), .int16(-2), .uint16(65535), .int32(.min), .uint32(.max),
        .int64(-1), .uint64(.max), .double(0.5), .string("grün"), .objectPath("/a/b"), .signature("a{sv}"),
        .strings([]), .strings(["a", "", "ccc"]), .bytes([1, 2, 3]), .array(of: "t", []), .array(of: "t", [.uint64(1)]),
        .structure([.byte(1), .uint64(2), .string("x")]), .variant(.variant(.string("deep"))),
        .array(
            of: "{sv}", [.entry(.string("a"), .variant(.byte(1))), .entry(.string("b"), .variant(.strings(["x"])))]),
    ]

    @Test(arguments: values)
    func `what is written is read again`(_ value: DBusValue) throws {
        // After a byte, so that padding counts.
        var message = DBusMessage(.signal)
        message.path = "/p"
        message.interface = "i.i"
        message.member = "S"
        message.sender = ":1.1"
        message.replySerial = 3
        message.errorName = "e.e"
        message.body = [.byte(1), value, .byte(2)]
        let bytes = message.encoded()
        #expect(try DBusMessage.length(of: bytes) == bytes.count)
        #expect(try DBusMessage(decoding: bytes) == message)
        for end in 0..<bytes.count {
            #expect(throws: DBusDecoder.Malformed.self) { try DBusMessage(decoding: Array(bytes[..<end])) }
        }
    }

    @Test(arguments: [
        // Longer than what is there; not a boolean; not zeros as padding; not UTF-8; a NUL inside; none at the end.
        ("s", "05 00 00 00 61 00"), ("b", "02 00 00 00"), ("yu", "01 01 00 00 01 00 00 00"),
        ("s", "01 00 00 00 FF 00"), ("s", "02 00 00 00 61 00 00"), ("s", "01 00 00 00 61 62"),
        // An array that ends inside an element, or is too long; a variant of no type, of two, of half a type.
        ("au", "02 00 00 00 01 00 00 00"), ("ay", "FF FF FF FF 01"), ("v", "00 00"), ("v", "02 79 79 00 01 01"),
        ("v", "01 61 00 00 00 00 00"),
        // Types that are none.
        ("z", "00"), ("()", "00"), ("a", "00 00 00 00"), ("a{vs}", "00 00 00 00"), ("(y", "00"), ("{ss}", "00"),
    ])
    func `malformed values are refused`(_ signature: String, _ bytes: String) {
        #expect(throws: DBusDecoder.Malformed.self) {
            var decoder = DBusDecoder(Self.hex(bytes))
            _ = try decoder.read(signature)
        }
    }

    @Test func `nesting ends`() {
        // Each variant holds a variant.
        let bytes = Array([[UInt8]](repeating: [1, UInt8(ascii: "v"), 0], count: 100).joined())
        #expect(throws: DBusDecoder.Malformed(what: "nesting")) {
            var decoder = DBusDecoder(bytes)
            _ = try decoder.read("v")
        }
        let arrays = String(repeating: "a", count: 40) + "y"
        #expect(DBusSignature.split(Array(arrays.utf8)) == nil)
    }

    @Test func `messages of another kind are refused`() throws {
        var bytes = DBusMessage(.signal).encoded()
        bytes[0] = UInt8(ascii: "B")
        #expect(throws: DBusDecoder.Malformed(what: "byte order")) { try DBusMessage.length(of: bytes) }
        bytes[0] = UInt8(ascii: "l")
        bytes[7] = 0x7F
        #expect(throws: DBusDecoder.Malformed(what: "length")) { try DBusMessage.length(of: bytes) }
        bytes[1] = 9
        #expect(throws: DBusDecoder.Malformed(what: "kind of message")) { try DBusMessage(decoding: bytes) }
        #expect(try DBusMessage.length(of: Array(bytes[..<15])) == nil)
    }
}
