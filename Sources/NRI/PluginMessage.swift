// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import StreamFraming

/// One message of ttrpc, and how it lies in the frames of a plugin's connection.
///
/// The connection carries two conversations, each of which is ttrpc: in one the engine asks and the plugin answers, in the
/// other the plugin asks. All numbers are big-endian:
/// ```
/// frame     channel (4)  length of the piece (4)  piece of a message
/// message   length of the payload (4)  stream (4)  type (1)  flags (1)  payload
/// ```
struct PluginMessage: Hashable, Sendable {
    /// A conversation.
    enum Channel: Int, Sendable {
        /// The engine asks.
        case plugin = 1
        /// The plugin asks.
        case runtime = 2
    }

    enum Kind: Int, Sendable {
        case request = 1
        case response = 2
        case data = 3
    }

    /// Of a payload.
    static let maximumSize = 4 << 20
    static let headSize = 10

    var kind: Kind
    /// Tells which request a response is for.
    var stream: UInt32
    /// Of a request: more of it follows.
    var isOpen = false
    var payload: [UInt8]

    /// The most that plugins in Go read at a time, as long as they do not know how much is to come. A longer frame is an
    /// error to them.
    private static let firstPiece = 4096

    /// The frames that carry it: the head of the message with what fits beside it, then all the rest.
    func frames(on channel: Channel) -> [UInt8] {
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
