// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The transports that a client can ask the streaming server for.
package enum StreamTransport: String, Hashable, Sendable, CaseIterable {
    case spdy, websocket

    /// For port-forward: SPDY in both cases, which carries any number of connections.
    var forwardWish: UpgradeWish {
        switch self {
        case .spdy: .spdy(Upgrade.portForwardProtocols)
        case .websocket: .webSocket([WebSocketProtocol.portForwardTunnel])
        }
    }

    /// For exec and attach. Only the newest version over WebSocket can end standard input.
    func commandWish(hasInput: Bool) -> UpgradeWish {
        switch self {
        case .spdy: .spdy(Upgrade.execProtocols)
        case .websocket: .webSocket(Array(WebSocketProtocol.exec.prefix(hasInput ? 1 : 2)))
        }
    }
}
