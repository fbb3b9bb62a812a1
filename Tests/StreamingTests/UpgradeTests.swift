// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import StreamFraming
import Testing

@testable import Streaming

@Suite struct UpgradeTests {
    private static func head(_ method: String, _ fields: [(String, String)]) -> HTTPHead {
        HTTPHead(line: [method, "/exec/1", "HTTP/1.1"], fields: fields.map { .init($0.0, $0.1) })
    }

    private static let spdy = [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")]
    private static let webSocket = [
        ("connection", "keep-alive, upgrade"), ("upgrade", "WebSocket"), ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    private static let version = "x-stream-protocol-version"

    @Test(arguments: [
        (spdy, false, Upgrade.spdy(nil)),
        (spdy + [(version, "v9.channel.k8s.io"), (version, "v3.channel.k8s.io")], false, .spdy("v3.channel.k8s.io")),
        (spdy + [(version, "portforward.k8s.io")], true, .spdy("portforward.k8s.io")),
        (webSocket, false, .webSocket(WebSocketProtocol(name: nil), key: "dGhlIHNhbXBsZSBub25jZQ==")),
        (
            webSocket + [("sec-websocket-protocol", "a, v5.channel.k8s.io, v4.channel.k8s.io")], false,
            .webSocket(WebSocketProtocol(name: "v5.channel.k8s.io"), key: "dGhlIHNhbXBsZSBub25jZQ==")
        ),
    ])
    func agreed(_ fields: [(String, String)], _ isPortForward: Bool, _ expected: Upgrade) throws {
        #expect(try Upgrade(Self.head("GET", fields), isPortForward: isPortForward) == expected)
    }

    @Test(arguments: [
        ("PUT", spdy, "405"), ("GET", [], "400"), ("GET", [("Connection", "Upgrade")], "400"),
        ("GET", [("Connection", "Upgrade"), ("Upgrade", "SPDY/2")], "400"),
        ("POST", spdy + [("Content-Length", "3")], "400"), ("POST", spdy + [("Transfer-Encoding", "chunked")], "400"),
        ("POST", spdy + [(version, "v9.channel.k8s.io")], "403"), ("POST", webSocket, "405"),
        ("GET", webSocket.dropLast(), "400"), ("GET", webSocket.dropLast() + [("Sec-WebSocket-Key", "short")], "400"),
        ("GET", webSocket + [("Sec-WebSocket-Protocol", "v9.channel.k8s.io")], "403"),
    ])
    func refused(_ method: String, _ fields: [(String, String)], _ status: String) {
        let refusal = #expect(throws: Upgrade.Refusal.self) {
            try Upgrade(Self.head(method, fields), isPortForward: false)
        }
        #expect(refusal?.status.hasPrefix(status) == true)
        #expect(refusal?.text.isEmpty == false)
    }

    /// The example of RFC 6455, section 1.3.
    @Test func keysAreAnswered() {
        #expect(Upgrade.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        let answer = Upgrade.webSocket(WebSocketProtocol(name: nil), key: "dGhlIHNhbXBsZSBub25jZQ==").response
        #expect(
            String(decoding: answer.bytes, as: UTF8.self)
                == "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
    }
}
