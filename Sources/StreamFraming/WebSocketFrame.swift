// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What comes over a WebSocket connection, RFC 6455, section 5.2: messages in pieces, and control frames.
///
///     FIN(1) RSV(3)=0 opcode(4) | masked(1) length(7) [length(16 or 64)] [key(32)] | payload
///
/// Opcodes: 0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong. A client's frames are masked, a server's are not.
package enum WebSocketFrame: Hashable, Sendable {
    /// A piece of a message as it came in, whatever frames it was cut into.
    case piece(ArraySlice<UInt8>, Piece)
    case ping([UInt8])
    case pong([UInt8])
    /// Without a code when the peer gave none.
    case close(code: Int?)

    /// Where a piece stands.
    package struct Piece: Hashable, Sendable {
        package var isText: Bool
        package var isFirst: Bool
        package var isLast: Bool

        package init(isText: Bool, isFirst: Bool = true, isLast: Bool = true) {
            self.isText = isText
            self.isFirst = isFirst
            self.isLast = isLast
        }
    }

    /// The whole message of that type.
    package static func message(_ bytes: some Sequence<UInt8>, isText: Bool = false) -> WebSocketFrame {
        .piece(ArraySlice(bytes), Piece(isText: isText))
    }

    /// The bytes of one frame, masked with the key if there is one. A piece becomes a frame of its own.
    package func encoded(mask: [UInt8]? = nil) -> [UInt8] {
        switch self {
        case .piece(let bytes, let place):
            let opcode: UInt8 = place.isFirst ? (place.isText ? 1 : 2) : 0
            return Self.frame(opcode, fin: place.isLast, bytes, mask)
        case .ping(let bytes): return Self.frame(9, fin: true, bytes[...], mask)
        case .pong(let bytes): return Self.frame(10, fin: true, bytes[...], mask)
        case .close(let code):
            var body: [UInt8] = []
            if let code { body.append(code, width: 2) }
            return Self.frame(8, fin: true, body[...], mask)
        }
    }

    private static func frame(_ opcode: UInt8, fin: Bool, _ bytes: ArraySlice<UInt8>, _ mask: [UInt8]?) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(bytes.count + 14)
        frame.append((fin ? 0x80 : 0) | opcode)
        let bit: UInt8 = mask == nil ? 0 : 0x80
        switch bytes.count {
        case ...125: frame.append(bit | UInt8(bytes.count))
        case ...0xffff:
            frame.append(bit | 126)
            frame.append(bytes.count, width: 2)
        default:
            frame.append(bit | 127)
            frame.append(bytes.count, width: 8)
        }
        guard let mask else { return frame + bytes }
        frame += mask
        var index = 0
        for byte in bytes {
            frame.append(byte ^ mask[index & 3])
            index += 1
        }
        return frame
    }
}
