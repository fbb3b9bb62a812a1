// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import StreamFraming

/// What a client does over its connection.
protocol StreamClient: StreamSession {
    /// The connection is there, and speaks the protocol.
    func connected(_ connection: any StreamOpener, protocolName: String?)
}

/// The client's side of the streaming server, of this engine's or any other: SPDY/3.1 or WebSocket over HTTP.
enum UpgradeClient {
    /// Connects to the URL for what the wish says. Returns when the connection has ended; the session knows how. With https
    /// the server must be one that `trust` knows.
    static func run(
        _ text: String, trust: ServerTrust, _ wish: UpgradeWish,
        _ session: @escaping @Sendable (any EventLoop) -> any StreamClient
    ) async throws {
        guard let url = URLComponents(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let host = url.host
        else { throw StreamingFailure("connect to", text, "it is no URL of a streaming server") }
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        let path = url.percentEncodedPath + (url.percentEncodedQuery.map { "?\($0)" } ?? "")
        let head = wish.request(path.isEmpty ? "/" : path, host: "\(host):\(port)")
        let context = scheme == "https" ? try await trust.context() : nil
        let expected = trust.expectedName(of: name)
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: expected))
                    }
                    try pipeline.addHandler(UpgradeClientHandler(wish, head, session(channel.eventLoop)))
                }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.connect(host: name, port: port).get()
        } catch {
            throw StreamingFailure("connect to", "\(host):\(port)", "\(error)")
        }
        try await channel.closeFuture.get()
    }
}

/// What failed between a client and the streaming server.
package struct StreamingFailure: Error, Hashable, Sendable, CustomStringConvertible {
    package var operation: String
    package var subject: String?
    package var cause: String

    init(_ operation: String, _ subject: String? = nil, _ cause: String) {
        self.operation = operation
        self.subject = subject
        self.cause = cause
    }

    package var description: String { "\(operation)\(subject.map { " \"\($0)\"" } ?? ""): \(cause)" }
}

/// Asks for the upgrade, and makes the connection what was asked for.
private final class UpgradeClientHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let wish: UpgradeWish
    private let request: HTTPHead
    private let session: any StreamClient
    private var reader = HTTPHeadReader()
    private var isUpgraded = false
    private static let forEver = Duration.seconds(1 << 40)
    /// An answer that is no upgrade, and what came of its text.
    private var refusal: (head: HTTPHead, body: [UInt8])?

    init(_ wish: UpgradeWish, _ request: HTTPHead, _ session: any StreamClient) {
        self.wish = wish
        self.request = request
        self.session = session
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: request.bytes)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isUpgraded else { return context.fireChannelRead(data) }
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        if let (head, body) = refusal { return refuse(head, body + bytes, context) }
        do {
            guard let (head, rest) = try reader.read(bytes) else { return }
            guard head.line[1] == "101" else { return refuse(head, rest, context) }
            let protocolName = try wish.agreed(request, head)
            isUpgraded = true
            let opener = try connect(context, protocolName)
            // By the first that is written it may turn out that the server is gone, and the session knows.
            guard context.channel.isActive else { return }
            session.connected(opener, protocolName: protocolName)
            if !rest.isEmpty { context.fireChannelRead(NIOAny(ByteBuffer(bytes: rest))) }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            fail(error, context)
        }
    }

    private func connect(_ context: ChannelHandlerContext, _ protocolName: String?) throws -> any StreamOpener {
        let pipeline = context.pipeline.syncOperations
        let dialect = WebSocketProtocol(name: protocolName)
        switch wish {
        case .webSocket where dialect.tunnelled == nil:
            let connection = WebSocketConnection(
                channel: context.channel, session: session, dialect: dialect,
                channels: WebSocketProtocol.commandChannels, isServer: false, idleTimeout: Self.forEver)
            try pipeline.addHandler(connection)
            return connection
        case .spdy, .webSocket:
            // The connection writes as soon as it is there.
            if case .webSocket = wish { try pipeline.addHandler(WebSocketTunnel(isServer: false)) }
            let connection = SPDYConnection(
                channel: context.channel, session: session, isServer: false, idleTimeout: Self.forEver)
            try pipeline.addHandler(connection)
            return connection
        }
    }

    /// Tells the server's reason, once its text is complete.
    private func refuse(_ head: HTTPHead, _ body: [UInt8], _ context: ChannelHandlerContext) {
        refusal = (head, body)
        let length = min(head.values("Content-Length").first.flatMap { Int($0) } ?? 0, 4096)
        guard body.count >= length else { return }
        let text = String(decoding: body.prefix(length), as: UTF8.self).split(whereSeparator: \.isNewline).joined(
            separator: " ")
        let status = "\(head.line[1]) \(head.line[2])"
        fail(StreamingFailure("open stream", nil, text.isEmpty ? status : "\(status): \(text)"), context)
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        isUpgraded = true
        session.connectionEnded(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isUpgraded {
            session.connectionEnded(StreamingFailure("open stream", nil, "the server closed the connection"))
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isUpgraded { context.fireErrorCaught(error) } else { fail(ServerTrust.explained(error), context) }
    }
}
