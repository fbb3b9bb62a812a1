// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Crypto
internal import FoundationEssentials
internal import StreamFraming

/// What a client asks the connection to become, agreed upon.
enum Upgrade: Hashable, Sendable {
    /// SPDY/3.1 with one of Kubernetes' protocols; nil is the first, which had no name.
    case spdy(String?)
    /// RFC 6455, with the key of the client.
    case webSocket(WebSocketProtocol, key: String)

    /// Why there is no upgrade: an answer of HTTP.
    struct Refusal: Error, Hashable, Sendable {
        var status: String
        var text: String
    }

    /// The name of SPDY's versions for exec and attach, best first.
    static let execProtocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"]
    static let portForwardProtocols = ["portforward.k8s.io"]
    static let protocolField = "X-Stream-Protocol-Version"

    /// The version in a name such as `v4.channel.k8s.io`; names without one are of the first.
    static func version(of protocolName: String?) -> Character {
        guard let name = protocolName, name.hasPrefix("v") else { return "1" }
        return name.dropFirst().first ?? "1"
    }

    /// Agrees with the client whose request has this head.
    init(_ head: HTTPHead, isPortForward: Bool) throws(Refusal) {
        guard head.line[0] == "GET" || head.line[0] == "POST" else {
            throw Refusal(status: "405 Method Not Allowed", text: "want GET or POST")
        }
        guard head.line[2] == "HTTP/1.1" else {
            throw Refusal(status: "505 HTTP Version Not Supported", text: "want HTTP/1.1")
        }
        guard head.has("Connection", "upgrade") else { throw Self.refusal("the request asks for no upgrade") }
        // A body would be taken for frames.
        guard head.values("Content-Length").allSatisfy({ $0 == "0" }), head.values("Transfer-Encoding").isEmpty else {
            throw Self.refusal("the request has a body")
        }
        if head.has("Upgrade", "SPDY/3.1") {
            self = .spdy(
                try Self.agree(
                    head.values(Self.protocolField), isPortForward ? Self.portForwardProtocols : Self.execProtocols))
        } else if head.has("Upgrade", "websocket") {
            self = try Self.webSocket(head, isPortForward ? WebSocketProtocol.portForward : WebSocketProtocol.exec)
        } else {
            throw Self.refusal("want an upgrade to SPDY/3.1 or websocket")
        }
    }

    private static func refusal(_ text: String) -> Refusal { Refusal(status: "400 Bad Request", text: text) }

    /// The first of the client's that the server knows; nil when the client names none.
    private static func agree(_ client: [String], _ server: [String]) throws(Refusal) -> String? {
        guard !client.isEmpty else { return nil }
        if let name = client.first(where: { server.contains($0) }) { return name }
        throw Refusal(
            status: "403 Forbidden",
            text:
                "no common protocol: the client has \(client.joined(separator: ", ")), the server \(server.joined(separator: ", "))"
        )
    }

    private static func webSocket(_ head: HTTPHead, _ names: [String]) throws(Refusal) -> Upgrade {
        guard head.line[0] == "GET" else { throw Refusal(status: "405 Method Not Allowed", text: "want GET") }
        guard head.has("Sec-WebSocket-Version", "13") else { throw refusal("want Sec-WebSocket-Version: 13") }
        guard let key = head.values("Sec-WebSocket-Key").first, Data(base64Encoded: key)?.count == 16 else {
            throw refusal("Sec-WebSocket-Key is not 16 bytes in base64")
        }
        return .webSocket(WebSocketProtocol(name: try agree(head.values("Sec-WebSocket-Protocol"), names)), key: key)
    }

    /// The answer that says yes.
    var response: HTTPHead {
        var fields = [HTTPHead.Field("Connection", "Upgrade")]
        switch self {
        case .spdy(let name):
            fields.append(HTTPHead.Field("Upgrade", "SPDY/3.1"))
            if let name { fields.append(HTTPHead.Field(Self.protocolField, name)) }
        case .webSocket(let dialect, let key):
            fields.append(HTTPHead.Field("Upgrade", "websocket"))
            fields.append(HTTPHead.Field("Sec-WebSocket-Accept", Self.accept(key)))
            if let name = dialect.name { fields.append(HTTPHead.Field("Sec-WebSocket-Protocol", name)) }
        }
        return HTTPHead(line: ["HTTP/1.1", "101", "Switching Protocols"], fields: fields)
    }

    /// RFC 6455, section 4.2.2: the key and a fixed text, hashed.
    static func accept(_ key: String) -> String {
        Data(Insecure.SHA1.hash(data: Data((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))).base64EncodedString()
    }
}

extension Upgrade.Refusal {
    /// The whole answer.
    var bytes: [UInt8] {
        let body = Array((text + "\n").utf8)
        let head = HTTPHead(
            line: ["HTTP/1.1", status.prefix(3).description, String(status.dropFirst(4))],
            fields: [
                HTTPHead.Field("Content-Type", "text/plain; charset=utf-8"),
                HTTPHead.Field("Content-Length", "\(body.count)"), HTTPHead.Field("Connection", "close"),
            ])
        return head.bytes + body
    }
}
