// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Takes messages out of the bytes that a plugin sends. After an error it is of no more use.
package struct PluginDecoder: Sendable {
    /// The frame that is being read.
    private struct Frame {
        var channel: PluginMessage.Channel
        var left: Int
    }

    private var frame: Frame?
    private var trunk = ByteQueue()
    private var answers = ByteQueue()
    private var requests = ByteQueue()

    /// Nothing was read yet.
    package init() {}

    /// Takes more bytes.
    package mutating func feed(_ bytes: [UInt8]) { trunk.append(bytes) }

    /// The next message; nil when more bytes are needed.
    package mutating func next() throws(WireError) -> (channel: PluginMessage.Channel, message: PluginMessage)? {
        while true {
            if let message = try Self.message(&answers) {
                guard message.kind == .response else {
                    throw Self.error("a \(message.kind) where answers are expected")
                }
                return (.plugin, message)
            }
            if let message = try Self.message(&requests) {
                guard message.kind == .request else {
                    throw Self.error("a \(message.kind) where requests are expected")
                }
                guard message.stream & 1 == 1 else {
                    throw Self.error("a request on the even stream \(message.stream)")
                }
                return (.runtime, message)
            }
            guard try sort() else { return nil }
        }
    }

    /// Hands the next bytes to their conversation; false when there are none.
    private mutating func sort() throws(WireError) -> Bool {
        if frame == nil {
            guard trunk.count >= 8 else { return false }
            var head = trunk.take(upTo: 8)
            let (number, length) = (head.takeNumber(4) ?? 0, head.takeNumber(4) ?? 0)
            guard let channel = PluginMessage.Channel(rawValue: number) else {
                throw Self.error("there is no connection \(number)")
            }
            guard length <= PluginMessage.headSize + PluginMessage.maximumSize else {
                throw Self.error("a frame of \(length) bytes")
            }
            frame = Frame(channel: channel, left: length)
        }
        guard var current = frame else { return false }
        let piece = trunk.take(upTo: current.left)
        switch current.channel {
        case .plugin: answers.append(Array(piece))
        case .runtime: requests.append(Array(piece))
        }
        current.left -= piece.count
        frame = current.left == 0 ? nil : current
        return !piece.isEmpty || frame == nil
    }

    private static func message(_ queue: inout ByteQueue) throws(WireError) -> PluginMessage? {
        guard queue.count >= PluginMessage.headSize else { return nil }
        var head = queue.peek(PluginMessage.headSize)
        let (length, stream) = (head.takeNumber(4) ?? 0, head.takeNumber(4) ?? 0)
        let (type, flags) = (head.takeNumber(1) ?? 0, head.takeNumber(1) ?? 0)
        guard length <= PluginMessage.maximumSize else { throw error("a message of \(length) bytes") }
        guard let kind = PluginMessage.Kind(rawValue: type) else { throw error("a message of type \(type)") }
        guard queue.count >= PluginMessage.headSize + length else { return nil }
        let bytes = queue.take(upTo: PluginMessage.headSize + length)
        return PluginMessage(
            kind: kind, stream: UInt32(truncatingIfNeeded: stream), isOpen: kind == .request && flags & 2 != 0,
            payload: Array(bytes.dropFirst(PluginMessage.headSize)))
    }

    private static func error(_ cause: String) -> WireError { WireError("frame of an NRI plugin", cause) }
}
