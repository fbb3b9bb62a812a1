// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Takes frames out of a stream of bytes. Holds the state of the decompression; after an error it is of no more use.
package struct SPDYDecoder: ~Copyable {
    /// What is being read.
    private enum Place {
        case head
        case data(stream: UInt32, left: Int, fin: Bool)
        /// A frame of a type that nobody knows.
        case skipping(left: Int)
    }

    private var queue = ByteQueue()
    private var place = Place.head
    private var decompressor = HeaderDecompressor()

    package init() {}

    /// Takes more bytes.
    package mutating func feed(_ bytes: [UInt8]) { queue.append(bytes) }

    /// The next frame, or the next piece of a data frame; nil when more bytes are needed.
    package mutating func next() throws(WireError) -> SPDYFrame? {
        while true {
            switch place {
            case .data(let stream, let left, let fin):
                guard left == 0 || queue.count > 0 else { return nil }
                let piece = queue.take(upTo: left)
                let rest = left - piece.count
                place = rest > 0 ? .data(stream: stream, left: rest, fin: fin) : .head
                return .data(stream, piece, fin: fin && rest == 0)
            case .skipping(let left):
                let rest = left - queue.take(upTo: left).count
                place = rest > 0 ? .skipping(left: rest) : .head
                if rest > 0 { return nil }
            case .head:
                guard queue.count >= 8 else { return nil }
                if queue.peek(1).first.map({ $0 & 0x80 != 0 }) ?? false {
                    if let frame = try control() { return frame }
                    if case .head = place { return nil }
                } else {
                    try startData()
                }
            }
        }
    }

    private mutating func startData() throws(WireError) {
        var head = queue.take(upTo: 8)
        let stream = UInt32(head.takeNumber(4) ?? 0)
        let flags = head.takeNumber(1) ?? 0
        guard stream != 0 else { throw Self.error("data for stream 0") }
        place = .data(stream: stream, left: head.takeNumber(3) ?? 0, fin: flags & 1 != 0)
    }

    /// A whole control frame; nil without a change of place when it is not all there.
    private mutating func control() throws(WireError) -> SPDYFrame? {
        var head = queue.peek(8)
        let version = (head.takeNumber(2) ?? 0) & 0x7fff
        let type = head.takeNumber(2) ?? 0
        let flags = head.takeNumber(1) ?? 0
        let length = head.takeNumber(3) ?? 0
        guard version == 3 else { throw Self.error("the peer speaks version \(version), not 3") }
        guard (1...4).contains(type) || (6...9).contains(type) else {
            _ = queue.take(upTo: 8)
            place = .skipping(left: length)
            return nil
        }
        guard length <= SPDYFrame.controlLimit else { throw Self.error("a control frame of \(length) bytes") }
        guard queue.count >= 8 + length else { return nil }
        _ = queue.take(upTo: 8)
        return try parse(type, flags, queue.take(upTo: length))
    }

    private mutating func parse(_ type: Int, _ flags: Int, _ bytes: ArraySlice<UInt8>) throws(WireError) -> SPDYFrame {
        let fin = flags & 1 != 0
        var body = bytes
        guard let first = body.takeNumber(4) else { throw Self.error("a control frame of type \(type) is cut short") }
        let id = UInt32(first)
        let stream = id & 0x7fff_ffff
        switch type {
        case 1:
            guard body.takeNumber(4) != nil, body.takeNumber(2) != nil else {
                throw Self.error("SYN_STREAM is cut short")
            }
            return .synStream(try Self.checked(stream), headers: try headers(body), fin: fin)
        case 2: return .synReply(try Self.checked(stream), headers: try headers(body), fin: fin)
        case 8: return .headers(try Self.checked(stream), try headers(body), fin: fin)
        case 4: return .settings(try Self.settings(first, &body))
        case 6:
            guard body.isEmpty else { throw Self.error("a PING of \(bytes.count) bytes") }
            return .ping(id)
        default:
            guard let value = body.takeNumber(4), body.isEmpty else {
                throw Self.error("a control frame of type \(type) has \(bytes.count) bytes, not 8")
            }
            switch type {
            case 3: return .reset(try Self.checked(stream), SPDYStatus(rawValue: UInt32(value)))
            case 7: return .goAway(last: stream, status: UInt32(value))
            default: return .windowUpdate(stream, value & 0x7fff_ffff)
            }
        }
    }

    private static func error(_ cause: String) -> WireError { WireError("SPDY frame", cause) }

    private static func checked(_ stream: UInt32) throws(WireError) -> UInt32 {
        guard stream != 0 else { throw error("a frame about stream 0") }
        return stream
    }

    private static func settings(
        _ count: Int, _ body: inout ArraySlice<UInt8>
    ) throws(WireError) -> [SPDYFrame.Setting] {
        guard body.count == count * 8 else { throw error("SETTINGS of \(count) entries in \(body.count) bytes") }
        return (0..<count).compactMap { _ in
            guard let flags = body.takeNumber(1), let id = body.takeNumber(3), let value = body.takeNumber(4) else {
                return nil
            }
            return SPDYFrame.Setting(id: id, value: value, flags: UInt8(flags))
        }
    }

    private mutating func headers(_ piece: ArraySlice<UInt8>) throws(WireError) -> [HTTPHead.Field] {
        let block = try decompressor.decompress(piece, limit: SPDYFrame.controlLimit)
        var rest = block[...]
        // Each has two lengths at least: a lying count cannot make it work for long.
        guard let count = rest.takeNumber(4), count <= rest.count / 8 else {
            throw WireError("SPDY header block", "it is cut short")
        }
        var headers: [HTTPHead.Field] = []
        for _ in 0..<count {
            guard let name = Self.text(&rest), let value = Self.text(&rest), !name.isEmpty else {
                throw WireError("SPDY header block", "it is cut short, or a name is empty")
            }
            headers.append(HTTPHead.Field(name, value))
        }
        guard rest.isEmpty else { throw WireError("SPDY header block", "\(rest.count) bytes are left over") }
        return headers
    }

    private static func text(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard let length = rest.takeNumber(4), length <= rest.count else { return nil }
        defer { rest = rest.dropFirst(length) }
        return String(decoding: rest.prefix(length), as: UTF8.self)
    }
}
