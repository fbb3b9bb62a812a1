// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import StreamFraming

/// Reads the one request of a connection, and makes the connection what it asks for.
///
/// ## Concurrency model
/// Belongs to the event loop of its channel.
final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    /// How long a client may take for its request.
    private static let patience = TimeAmount.seconds(30)

    private let tokens: StreamTokens
    private let handler: any StreamHandler
    private let idleTimeout: Duration
    private var reader = HTTPHeadReader()
    private var timeout: Scheduled<Void>?
    private var isDone = false
    private var isUpgraded = false
    /// What a refusal goes over.
    private(set) var refused: Wire?
    private let onUpgrade: () -> Void

    /// `onUpgrade` is called when the client has shown a URL that serves.
    init(
        _ tokens: StreamTokens, _ handler: any StreamHandler, idleTimeout: Duration,
        onUpgrade: @escaping () -> Void = {}
    ) {
        self.tokens = tokens
        self.handler = handler
        self.idleTimeout = idleTimeout
        self.onUpgrade = onUpgrade
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timeout?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        // It would be watched for hours, and anybody can make many of them.
        refused?.stop()
        if isUpgraded { context.fireChannelInactive() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What comes behind the request belongs to the connection that it became; after a refusal it is dropped.
        guard !isDone else { return isUpgraded ? context.fireChannelRead(data) : () }
        do {
            guard let (head, rest) = try reader.read(Array(unwrapInboundIn(data).readableBytesView)) else { return }
            isDone = true
            try upgrade(head, rest, context)
        } catch let refusal as Upgrade.Refusal {
            refuse(refusal, context)
        } catch {
            refuse(Upgrade.Refusal(status: "400 Bad Request", text: "\(error)"), context)
        }
    }

    private func refuse(_ refusal: Upgrade.Refusal, _ context: ChannelHandlerContext) {
        isDone = true
        timeout?.cancel()
        let wire = Wire(context.channel, idleTimeout: idleTimeout)
        refused = wire
        wire.finish(refusal.bytes)
    }

    private func upgrade(_ head: HTTPHead, _ rest: [UInt8], _ context: ChannelHandlerContext) throws {
        let parts = head.line[1].prefix { $0 != "?" }.split(separator: "/")
        let missing = Upgrade.Refusal(
            status: "404 Not Found", text: "there is nothing here, or no more: a URL serves once, within a minute")
        guard parts.count == 2, ["exec", "attach", "portforward"].contains(parts[0]) else { throw missing }
        // A request that cannot be served does not use the URL up.
        let upgrade = try Upgrade(head, isPortForward: parts[0] == "portforward")
        guard let request = tokens.take(String(parts[1])), request.word == parts[0] else { throw missing }
        timeout?.cancel()
        onUpgrade()
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: upgrade.response.bytes)), promise: nil)
        let connection = try connect(upgrade, request, context.channel)
        try context.pipeline.syncOperations.addHandler(connection)
        isUpgraded = true
        (connection as? WebSocketConnection)?.begin()
        if !rest.isEmpty { context.fireChannelRead(NIOAny(ByteBuffer(bytes: rest))) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    private func connect(
        _ upgrade: Upgrade, _ request: StreamRequest, _ channel: any Channel
    ) throws -> any ChannelInboundHandler {
        switch upgrade {
        case .spdy(let name): return spdy(request, name, channel)
        case .webSocket(let dialect, _):
            if let inner = dialect.tunnelled {
                try channel.pipeline.syncOperations.addHandler(WebSocketTunnel(isServer: true))
                return spdy(request, inner, channel)
            }
            let session = session(request, dialect.name, channel, overWebSocket: true)
            let connection = WebSocketConnection(
                channel: channel, session: session, dialect: dialect, channels: WebSocketProtocol.channels(request),
                isServer: true, idleTimeout: idleTimeout)
            let finish: () -> Void = { [weak connection] in connection?.finish() }
            (session as? RemoteCommandSession)?.finish = finish
            (session as? PortForwardSession)?.finish = finish
            return connection
        }
    }

    private func spdy(_ request: StreamRequest, _ name: String?, _ channel: any Channel) -> SPDYConnection {
        let session = session(request, name, channel, overWebSocket: false)
        let connection = SPDYConnection(channel: channel, session: session, isServer: true, idleTimeout: idleTimeout)
        (session as? RemoteCommandSession)?.finish = { [weak connection] in connection?.finish() }
        return connection
    }

    private func session(
        _ request: StreamRequest, _ name: String?, _ channel: any Channel, overWebSocket: Bool
    ) -> any StreamSession {
        switch request {
        case .exec(_, _, let streams), .attach(_, let streams):
            let version = Upgrade.version(of: name)
            return RemoteCommandSession(
                request, streams, handler: handler, loop: channel.eventLoop,
                canResize: overWebSocket || version >= "3", statusIsObject: version >= "4")
        case .portForward(let pod, _):
            return PortForwardSession(pod: pod, handler: handler, loop: channel.eventLoop, tellsPort: overWebSocket)
        }
    }
}

extension StreamRequest {
    /// The first part of its path.
    var word: String {
        switch self {
        case .exec: "exec"
        case .attach: "attach"
        case .portForward: "portforward"
        }
    }
}
