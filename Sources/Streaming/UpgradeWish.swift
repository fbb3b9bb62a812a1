// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import StreamFraming

/// What a client wants its connection to the streaming server to become, with the names of Kubernetes' protocols on top,
/// best first.
enum UpgradeWish: Hashable, Sendable {
    case spdy([String])
    case webSocket([String])

    /// The request for it.
    func request(_ path: String, host: String) -> HTTPHead {
        let fields = [HTTPHead.Field("Host", host), HTTPHead.Field("Connection", "Upgrade")]
        switch self {
        case .spdy(let protocols):
            let upgrade = [HTTPHead.Field("Upgrade", "SPDY/3.1"), HTTPHead.Field("Content-Length", "0")]
            return HTTPHead(
                line: ["POST", path, "HTTP/1.1"],
                fields: fields + upgrade + protocols.map { HTTPHead.Field(Upgrade.protocolField, $0) })
        case .webSocket(let protocols):
            let upgrade = [
                HTTPHead.Field("Upgrade", "websocket"), HTTPHead.Field("Sec-WebSocket-Version", "13"),
                HTTPHead.Field(Self.keyField, Self.key()),
                HTTPHead.Field(Self.nameField, protocols.joined(separator: ", ")),
            ]
            return HTTPHead(line: ["GET", path, "HTTP/1.1"], fields: fields + upgrade)
        }
    }

    /// The protocol that the server's consent names.
    func agreed(_ request: HTTPHead, _ response: HTTPHead) throws -> String? {
        guard case .webSocket(let protocols) = self else { return response.values(Upgrade.protocolField).first }
        guard let key = request.values(Self.keyField).first,
            response.values("Sec-WebSocket-Accept") == [Upgrade.accept(key)]
        else { throw StreamingFailure("open stream", nil, "the server's answer is not to this request") }
        guard let name = response.values(Self.nameField).first, protocols.contains(name) else {
            throw StreamingFailure("open stream", nil, "the server speaks none of \(protocols.joined(separator: ", "))")
        }
        return name
    }

    private static let keyField = "Sec-WebSocket-Key"
    private static let nameField = "Sec-WebSocket-Protocol"

    /// RFC 6455, section 4.1: 16 random bytes in base64.
    private static func key() -> String {
        Data((0..<16).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
    }
}
