// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// One message of ttrpc, and how it lies in the frames of the connection of a plugin (Node Resource Interface).
///
/// The connection carries two conversations, each of which is ttrpc: in one the engine asks and the plugin answers, in the
/// other the plugin asks. All numbers are big-endian:
/// ```
/// frame     channel (4)  length of the piece (4)  piece of a message
/// message   length of the payload (4)  stream (4)  type (1)  flags (1)  payload
/// ```
package struct PluginMessage: Hashable, Sendable {
    /// A conversation.
    package enum Channel: Int, Sendable {
        /// The engine asks.
        case plugin = 1
        /// The plugin asks.
        case runtime = 2
    }

    /// What it is in its conversation.
    package enum Kind: Int, Sendable {
        case request = 1
        case response = 2
        case data = 3
    }

    /// Of a payload, in bytes.
    package static let maximumSize = 4 << 20
    static let headSize = 10

    package var kind: Kind
    /// Tells which request a response is for.
    package var stream: UInt32
    /// Of a request: more of it follows.
    package var isOpen = false
    package var payload: [UInt8]

    /// A message.
    package init(kind: Kind, stream: UInt32, isOpen: Bool = false, payload: [UInt8]) {
        self.kind = kind
        self.stream = stream
        self.isOpen = isOpen
        self.payload = payload
    }

    /// The most that plugins in Go read at a time, as long as they do not know how much is to come. A longer frame is an
    /// error to them.
    private static let firstPiece = 4096

    /// The frames that carry it: the head of the message with what fits beside it, then all the rest.
    package func frames(on channel: Channel) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(Self.headSize + payload.count)
        message.append(payload.count, width: 4)
        message.append(Int(stream), width: 4)
        message.append(UInt8(kind.rawValue))
        message.append(isOpen ? 2 : 0)
        message += payload
        var frames: [UInt8] = []
        frames.reserveCapacity(message.count + 16)
        for piece in [message.prefix(Self.firstPiece), message.dropFirst(Self.firstPiece)] where !piece.isEmpty {
            frames.append(channel.rawValue, width: 4)
            frames.append(piece.count, width: 4)
            frames += piece
        }
        return frames
    }
}
