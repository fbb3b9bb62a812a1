// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Takes pieces of messages and control frames out of a stream of bytes. After an error it is of no more use.
package struct WebSocketDecoder: Sendable {
    private struct Payload {
        var opcode: Int
        var fin: Bool
        var left: Int
        var key: [UInt8]
        var position = 0
        var isText: Bool
        var isFirst: Bool
    }

    /// The payload that is being read.
    private var payload: Payload?
    /// Whether a message is under way, and of which type.
    private var messageIsText: Bool?
    private var queue = ByteQueue()
    private let expectsMask: Bool

    /// Reads what a client sent when `fromClient`, else what a server sent.
    package init(fromClient: Bool) { expectsMask = fromClient }

    /// Takes more bytes.
    package mutating func feed(_ bytes: [UInt8]) { queue.append(bytes) }

    /// The next piece of a message or control frame; nil when more bytes are needed.
    package mutating func next() throws(WireError) -> WebSocketFrame? {
        if payload == nil { payload = try head() }
        guard var current = payload else { return nil }
        if current.opcode >= 8 {
            guard queue.count >= current.left else { return nil }
            payload = nil
            return try Self.control(current.opcode, Array(Self.unmask(queue.take(upTo: current.left), &current)))
        }
        guard current.left == 0 || queue.count > 0 else { return nil }
        let piece = Self.unmask(queue.take(upTo: current.left), &current)
        let isLast = current.left == 0 && current.fin
        let place = WebSocketFrame.Piece(isText: current.isText, isFirst: current.isFirst, isLast: isLast)
        current.isFirst = false
        payload = current.left == 0 ? nil : current
        if isLast { messageIsText = nil }
        return .piece(piece, place)
    }

    private static func unmask(_ bytes: ArraySlice<UInt8>, _ payload: inout Payload) -> ArraySlice<UInt8> {
        payload.left -= bytes.count
        guard payload.key.count == 4 else { return bytes }
        var bytes = Array(bytes)
        for index in bytes.indices { bytes[index] ^= payload.key[(payload.position + index) & 3] }
        payload.position += bytes.count
        return bytes[...]
    }

    private static func error(_ cause: String) -> WireError { WireError("WebSocket frame", cause) }

    private mutating func head() throws(WireError) -> Payload? {
        guard queue.count >= 2 else { return nil }
        var start = queue.peek(2)
        let (first, second) = (start.takeNumber(1) ?? 0, start.takeNumber(1) ?? 0)
        guard first & 0x70 == 0 else { throw Self.error("an extension that nobody asked for") }
        let isMasked = second & 0x80 != 0
        guard isMasked == expectsMask else { throw Self.error(isMasked ? "it is masked" : "it is not masked") }
        let width = second & 0x7f == 127 ? 8 : second & 0x7f == 126 ? 2 : 0
        let size = 2 + width + (isMasked ? 4 : 0)
        guard queue.count >= size else { return nil }
        var rest = queue.take(upTo: size).dropFirst(2)
        // A length beyond 63 bits is nil.
        guard let length = width == 0 ? second & 0x7f : rest.takeNumber(width),
            width == 0 || length > (width == 2 ? 125 : 0xffff)
        else { throw Self.error("its length is malformed") }
        return try begin(first & 15, fin: first & 0x80 != 0, length, key: Array(rest))
    }

    private mutating func begin(_ opcode: Int, fin: Bool, _ length: Int, key: [UInt8]) throws(WireError) -> Payload {
        switch opcode {
        case 8...10:
            guard fin, length <= 125 else { throw Self.error("a control frame of \(length) bytes, or in fragments") }
            return Payload(opcode: opcode, fin: fin, left: length, key: key, isText: false, isFirst: true)
        case 0:
            guard let isText = messageIsText else { throw Self.error("a continuation of nothing") }
            return Payload(opcode: opcode, fin: fin, left: length, key: key, isText: isText, isFirst: false)
        case 1, 2:
            guard messageIsText == nil else { throw Self.error("a message inside another") }
            messageIsText = opcode == 1
            return Payload(opcode: opcode, fin: fin, left: length, key: key, isText: opcode == 1, isFirst: true)
        default: throw Self.error("the opcode \(opcode)")
        }
    }

    private static func control(_ opcode: Int, _ bytes: [UInt8]) throws(WireError) -> WebSocketFrame {
        switch opcode {
        case 9: return .ping(bytes)
        case 10: return .pong(bytes)
        default:
            guard bytes.count != 1 else { throw error("a close code of 1 byte") }
            var rest = bytes[...]
            return .close(code: rest.takeNumber(2))
        }
    }
}
