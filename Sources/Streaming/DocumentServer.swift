// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// What is served at a path.
package struct Document: Hashable, Sendable {
    /// Its media type.
    package var type: String
    package var text: String

    package init(type: String, _ text: String) {
        self.type = type
        self.text = text
    }
}

/// Serves small documents over HTTP to programs that look at the engine: one GET for each connection.
package final class DocumentServer: Sendable {
    /// Where it listens.
    package enum Place: Hashable, Sendable, CustomStringConvertible {
        /// Of the engine's group, like the socket of the CRI.
        case socket(String)
        case port(address: String, Int)

        /// A path, or `address:port`, where an IPv6 address stands in brackets; nil for what is neither.
        package init?(_ text: String) {
            if text.hasPrefix("/") {
                self = .socket(text)
                return
            }
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
                return nil
            }
            var address = text[..<colon]
            if address.hasPrefix("["), address.hasSuffix("]") {
                address = address.dropFirst().dropLast()
            } else if address.contains(":") {
                return nil
            }
            guard InternetSocket.isAddress(String(address)) else { return nil }
            self = .port(address: String(address), Int(port))
        }

        package var description: String {
            switch self {
            case .socket(let path): path
            case .port(let address, let port): address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
            }
        }
    }

    /// What there is at a path; nil for nothing.
    package typealias Source = @Sendable (_ path: String) async -> Document?

    private let channel: any Channel
    /// Where it serves, with the port that it got.
    package let place: Place

    /// Listens. `log` gets one line about what no client is told.
    package static func start(
        _ place: Place, tls: TLSFiles? = nil, log: @escaping @Sendable (String) -> Void, _ source: @escaping Source
    ) async throws -> DocumentServer {
        var certificates: Certificates?
        if let tls { certificates = try await Certificates(tls, log: log) }
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [certificates] channel in
                channel.eventLoop.makeFutureWithTask { try await certificates?.context() }
                    .flatMapThrowing { context in
                        let pipeline = channel.pipeline.syncOperations
                        if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                        try pipeline.addHandler(DocumentHandler(source))
                    }
            }
        do {
            return try await listen(bootstrap, place)
        } catch let error as IOError {
            throw SystemError("listen on", "\(place)", Errno(rawValue: error.errnoCode))
        }
    }

    private static func listen(_ bootstrap: ServerBootstrap, _ place: Place) async throws -> DocumentServer {
        switch place {
        case .port(let address, let port):
            let channel = try await bootstrap.bind(host: address, port: port).get()
            return DocumentServer(channel, .port(address: address, channel.localAddress?.port ?? port))
        case .socket(let path):
            try await BlockingPool.run {
                try SystemError.attempt("listen on", path) { () throws(Errno) in try UnixSocket.removeStale(path) }
            }
            let channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
            // Until now only the superuser could connect.
            try SystemError.attempt("change mode of", path) { () throws(Errno) in try Syscall.changeMode(path, 0o660) }
            return DocumentServer(channel, place)
        }
    }

    private init(_ channel: any Channel, _ place: Place) {
        self.channel = channel
        self.place = place
    }

    /// Takes no more connections.
    package func close() async { try? await channel.close() }
}

/// Reads the one request of a connection, and answers.
///
/// ## Concurrency model
/// Belongs to the event loop of its channel.
private final class DocumentHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    /// How long a client may take for its request, and then for the answer.
    private static let patience = TimeAmount.seconds(60)

    private let source: DocumentServer.Source
    private var timeout: Scheduled<Void>?
    private var isDone = false

    init(_ source: @escaping DocumentServer.Source) { self.source = source }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { timeout?.cancel() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data), !isDone else { return }
        isDone = true
        let channel = context.channel
        guard request.method == .GET || request.method == .HEAD else {
            return Self.send(.methodNotAllowed, Self.words("want GET"), to: request, channel)
        }
        let path = String(request.uri.prefix { $0 != "?" })
        channel.eventLoop.makeFutureWithTask { [source] in await source(path) }.whenSuccess { document in
            if let document { return Self.send(.ok, document, to: request, channel) }
            Self.send(.notFound, Self.words("there is nothing at \(path)"), to: request, channel)
        }
    }

    private static func words(_ text: String) -> Document {
        Document(type: "text/plain; charset=utf-8", text + "\n")
    }

    private static func send(
        _ status: HTTPResponseStatus, _ document: Document, to request: HTTPRequestHead, _ channel: any Channel
    ) {
        let body = ByteBuffer(string: document.text)
        let head = HTTPResponseHead(
            version: request.version, status: status,
            headers: [
                "Content-Type": document.type, "Content-Length": "\(body.readableBytes)", "Connection": "close",
            ])
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if request.method != .HEAD { channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil) }
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
    }
}
