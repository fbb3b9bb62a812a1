// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// The HTTP server of exec, attach and port-forward. Whoever may ask the engine gets a URL of it, which serves once.
package final class StreamingServer: Sendable {
    /// Where and how it serves.
    package struct Settings: Hashable, Sendable {
        package var address: String
        /// 0 for any that is free.
        package var port: Int
        /// Without a sign of life from either side for so long a connection ends.
        package var idleTimeout: Duration
        package var tls: TLSFiles?

        package init(address: String, port: Int, idleTimeout: Duration, tls: TLSFiles? = nil) {
            self.address = address
            self.port = port
            self.idleTimeout = idleTimeout
            self.tls = tls
        }
    }

    private let channel: any Channel
    private let base: String
    private let tokens: StreamTokens

    /// Listens. `log` gets one line about what no client is told.
    package static func start(
        _ settings: Settings, handler: any StreamHandler, log: @escaping @Sendable (String) -> Void
    ) async throws -> StreamingServer {
        let (tokens, lobby) = (StreamTokens(), Lobby())
        let certificates = try await settings.tls.asyncMap { try await Certificates($0, log: log) }
        let idleTimeout = settings.idleTimeout
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer(AcceptPause.add)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                let ticket = lobby.enter(channel)
                return channel.eventLoop.makeFutureWithTask { try await certificates?.context() }
                    .flatMapThrowing { context in
                        let pipeline = channel.pipeline.syncOperations
                        if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                        try pipeline.addHandler(
                            UpgradeHandler(tokens, handler, idleTimeout: idleTimeout) { lobby.leave(ticket) })
                    }
            }
        let channel: any Channel
        do {
            channel = try await bootstrap.bind(host: settings.address, port: settings.port).get()
        } catch let error as IOError {
            throw SystemError("listen on", "\(settings.address):\(settings.port)", Errno(rawValue: error.errnoCode))
        }
        let port = channel.localAddress?.port ?? settings.port
        let host = settings.address.contains(":") ? "[\(settings.address)]" : settings.address
        return StreamingServer(channel, "\(settings.tls == nil ? "http" : "https")://\(host):\(port)", tokens)
    }

    private init(_ channel: any Channel, _ base: String, _ tokens: StreamTokens) {
        self.channel = channel
        self.base = base
        self.tokens = tokens
    }

    /// A URL for the request; nil when too many wait for their use.
    package func url(for request: StreamRequest) -> String? {
        tokens.add(request).map { "\(base)/\(request.word)/\($0)" }
    }

    /// Where it serves, for the log.
    package var address: String { base }

    /// Takes no more connections; those that there are go on.
    package func close() async { try? await channel.close() }
}

extension Optional {
    fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async throws -> Value? {
        switch self {
        case .some(let value): try await body(value)
        case .none: nil
        }
    }
}
