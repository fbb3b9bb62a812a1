// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A message of D-Bus:
///
///     'l'  kind  flags  1      byte order (little-endian), kind, flags, version of the protocol
///     UINT32  UINT32           length of the body, serial number
///     ARRAY of (BYTE, VARIANT) fields of the header
///     zeros up to a multiple of 8, then the body
///
/// See the D-Bus specification, "Message Format".
package struct DBusMessage: Hashable, Sendable {
    package enum Kind: UInt8, Hashable, Sendable { case call = 1, reply, error, signal }

    package var kind: Kind
    package var serial: UInt32 = 0
    package var path: String?
    package var interface: String?
    package var member: String?
    package var errorName: String?
    package var replySerial: UInt32?
    package var destination: String?
    package var sender: String?
    package var body: [DBusValue] = []

    package init(_ kind: Kind) { self.kind = kind }

    /// A call of a method.
    package init(
        call member: String, of interface: String, at path: String, to destination: String?, _ body: [DBusValue]
    ) {
        self.init(.call)
        self.member = member
        self.interface = interface
        self.path = path
        self.destination = destination
        self.body = body
    }

    /// Numbers of the header's fields.
    private enum Field {
        static let path: UInt8 = 1
        static let interface: UInt8 = 2
        static let member: UInt8 = 3
        static let errorName: UInt8 = 4
        static let replySerial: UInt8 = 5
        static let destination: UInt8 = 6
        static let sender: UInt8 = 7
        static let signature: UInt8 = 8
    }

    /// Bytes before the array of fields' elements.
    static let fixedLength = 16
    /// The longest message that the specification allows.
    static let maximumLength = 1 << 27

    package func encoded() -> [UInt8] {
        var content = DBusEncoder()
        for value in body { content.append(value) }
        var fields: [DBusValue] = []
        func add(_ number: UInt8, _ value: DBusValue?) {
            if let value { fields.append(.structure([.byte(number), .variant(value)])) }
        }
        add(Field.path, path.map { .objectPath($0) })
        add(Field.interface, interface.map { .string($0) })
        add(Field.member, member.map { .string($0) })
        add(Field.errorName, errorName.map { .string($0) })
        add(Field.replySerial, replySerial.map { .uint32($0) })
        add(Field.destination, destination.map { .string($0) })
        add(Field.sender, sender.map { .string($0) })
        if !body.isEmpty { add(Field.signature, .signature(body.map(\.signature).joined())) }
        var message = DBusEncoder()
        for byte in [UInt8(ascii: "l"), kind.rawValue, 0, 1] { message.append(.byte(byte)) }
        message.append(.uint32(UInt32(clamping: content.bytes.count)))
        message.append(.uint32(serial))
        message.append(.array(of: "(yv)", fields))
        message.align(8)
        return message.bytes + content.bytes
    }

    /// The length of the whole message that these bytes begin; nil as long as they are too few to tell.
    static func length(of bytes: [UInt8]) throws(DBusDecoder.Malformed) -> Int? {
        guard bytes.count >= fixedLength else { return nil }
        guard bytes[0] == UInt8(ascii: "l"), bytes[3] == 1 else { throw DBusDecoder.Malformed(what: "byte order") }
        var decoder = DBusDecoder(bytes, from: 4)
        let body = Int(try decoder.number(UInt32.self))
        _ = try decoder.number(UInt32.self)
        let fields = Int(try decoder.number(UInt32.self))
        let length = (fixedLength + fields + 7) / 8 * 8 + body
        guard length <= maximumLength else { throw DBusDecoder.Malformed(what: "length") }
        return length
    }

    /// Reads a whole message. Fields that it does not know are skipped, as the specification wants.
    init(decoding bytes: [UInt8]) throws(DBusDecoder.Malformed) {
        guard bytes.count >= Self.fixedLength, let kind = Kind(rawValue: bytes[1]) else {
            throw DBusDecoder.Malformed(what: "kind of message")
        }
        self.init(kind)
        var decoder = DBusDecoder(bytes, from: 8)
        serial = try decoder.number(UInt32.self)
        var signature = ""
        guard case .array(_, let fields)? = try decoder.read("a(yv)").first else { return }
        for case .structure(let field) in fields {
            guard case .byte(let number)? = field.first, case .variant(let value)? = field.last else { continue }
            switch (number, value) {
            case (Field.path, .objectPath(let text)): path = text
            case (Field.interface, .string(let text)): interface = text
            case (Field.member, .string(let text)): member = text
            case (Field.errorName, .string(let text)): errorName = text
            case (Field.replySerial, .uint32(let number)): replySerial = number
            case (Field.destination, .string(let text)): destination = text
            case (Field.sender, .string(let text)): sender = text
            case (Field.signature, .signature(let text)): signature = text
            case (Field.path...Field.signature, _): throw DBusDecoder.Malformed(what: "header")
            default: break
            }
        }
        try decoder.align(8)
        body = try decoder.read(signature)
        guard decoder.isAtEnd else { throw DBusDecoder.Malformed(what: "length") }
    }
}
