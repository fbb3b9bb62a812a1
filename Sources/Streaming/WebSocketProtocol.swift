// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import StreamFraming

/// How streams are told apart on a WebSocket: the first byte of every message is the number of its channel.
///
/// The names are Kubernetes': `channel.k8s.io` and `v4.channel.k8s.io` in binary messages, `base64.channel.k8s.io` and
/// `v4.base64.channel.k8s.io` in text messages, where the channel is a digit and the rest is base64. The versions differ
/// in how an exit code is told. In `v5.channel.k8s.io` a client ends a channel by a message of the byte 255 and its number.
struct WebSocketProtocol: Hashable, Sendable {
    /// What a channel is for, from the client's side.
    enum Direction { case read, write, both }

    /// As negotiated; nil when the client named none.
    var name: String?

    static let exec = [
        "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io",
    ]
    static let portForward = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io", "portforward.k8s.io", portForwardTunnel]
    /// No channels but SPDY in the messages.
    static let portForwardTunnel = tunnelPrefix + "portforward.k8s.io"
    private static let tunnelPrefix = "SPDY/3.1+"

    /// The channels of exec and attach in the order of their numbers; they are always five.
    static let commandChannels: [(Direction, [HTTPHead.Field])] = [
        (.write, "stdin"), (.read, "stdout"), (.read, "stderr"), (.read, "error"), (.write, "resize"),
    ].map { ($0, [HTTPHead.Field("streamtype", $1)]) }

    /// The channels of what a URL is for.
    static func channels(_ request: StreamRequest) -> [(Direction, [HTTPHead.Field])] {
        switch request {
        case .exec, .attach: commandChannels
        case .portForward(_, let ports):
            ports.enumerated().flatMap { index, port in
                [(Direction.both, "data"), (.read, "error")].map { direction, kind in
                    let fields = [("streamtype", kind), ("port", "\(port)"), ("requestid", "\(index)")]
                    return (direction, fields.map { HTTPHead.Field($0, $1) })
                }
            }
        }
    }

    /// What SPDY in the messages carries; nil where they belong to channels.
    var tunnelled: String? {
        name.flatMap { $0.hasPrefix(Self.tunnelPrefix) ? String($0.dropFirst(Self.tunnelPrefix.utf8.count)) : nil }
    }

    var isText: Bool { name?.contains("base64") ?? false }
    var canEndChannels: Bool { name?.hasPrefix("v5.") ?? false }
    /// The channel whose messages end others.
    static let endChannel = 255

    /// The message of these bytes.
    func message(_ channel: UInt32, _ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let number = UInt8(truncatingIfNeeded: channel)
        guard isText else { return [number] + bytes }
        return [UInt8(ascii: "0") &+ number] + Array(Data(bytes).base64EncodedString().utf8)
    }

    /// The channel that the first byte of a message names.
    func channel(_ byte: UInt8) -> Int { isText ? Int(byte) - Int(UInt8(ascii: "0")) : Int(byte) }
}

/// Base64 that comes in pieces.
struct Base64Pieces {
    private var rest: [UInt8] = []

    /// The bytes that are complete with this piece; nil when it is no base64.
    mutating func decode(_ piece: ArraySlice<UInt8>, isLast: Bool) -> [UInt8]? {
        rest += piece
        let usable = isLast ? rest.count : rest.count - rest.count % 4
        defer { rest.removeFirst(usable) }
        guard usable > 0 else { return [] }
        return Data(base64Encoded: Data(rest.prefix(usable))).map { Array($0) }
    }
}
