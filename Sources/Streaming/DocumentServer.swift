// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// What is served at a path.
package struct Document: Hashable, Sendable {
    /// How the request fared, by its code of HTTP.
    package enum Status: Int, Sendable {
        case ok = 200
        /// There is nothing of that name.
        case notFound = 404
        /// Only another method does anything there.
        case methodNotAllowed = 405
        /// What was asked for cannot be done in the present state.
        case conflict = 409
        /// It was tried and did not work.
        case failed = 500
    }

    package var status: Status
    /// Its media type.
    package var type: String
    /// What it says, in UTF-8.
    package var text: String

    /// All properties.
    package init(_ status: Status = .ok, type: String, _ text: String) {
        self.status = status
        self.type = type
        self.text = text
    }

    /// A line for people.
    package init(_ status: Status, _ line: String) {
        self.init(status, type: "text/plain; charset=utf-8", line + "\n")
    }
}

/// What a client asks a `DocumentServer` for.
package struct DocumentRequest: Hashable, Sendable {
    /// Without what stands behind a question mark.
    package var path: String
    /// HEAD: the client wants to know whether and what there is, and nothing may happen.
    package var isHead = false

    /// A request of GET.
    package init(_ path: String) { self.path = path }
}

/// Serves small documents over HTTP to programs that look at the engine: one GET for each connection. Of each document one is
/// made at a time: who asks for it meanwhile gets the same.
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

        /// The text that it is read from.
        package var description: String {
            switch self {
            case .socket(let path): path
            case .port(let address, let port): address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
            }
        }
    }

    /// What there is at a path; nil for nothing.
    package typealias Source = @Sendable (DocumentRequest) async -> Document?

    /// Further connections are closed at once.
    static let mostConnections = 32

    private let channel: any Channel
    /// Where it serves, with the port that it got.
    package let place: Place

    /// Listens. `log` gets one line about what no client is told.
    package static func start(
        _ place: Place, tls: TLSFiles? = nil, log: @escaping @Sendable (String) -> Void, _ source: @escaping Source
    ) async throws -> DocumentServer {
        var certificates: Certificates?
        if let tls { certificates = try await Certificates(tls, log: log) }
        let (connections, answers) = (ConnectionCount(), SharedAnswers(source))
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer(AcceptPause.add)
            .childChannelInitializer { [certificates] channel in
                guard connections.enter(below: mostConnections) else {
                    // Which closes it.
                    return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                channel.closeFuture.whenComplete { _ in connections.leave() }
                return channel.eventLoop.makeFutureWithTask { try await certificates?.context() }
                    .flatMapThrowing { context in
                        let pipeline = channel.pipeline.syncOperations
                        if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                        try pipeline.addHandler(DocumentHandler(answers))
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
            let descriptor = try await BlockingPool.run {
                try UnixSocket.makeWay(path)
                return try SystemError.attempt("listen on", path) { () throws(Errno) in
                    // Has its mode before anybody can connect.
                    try UnixSocket.listen(path, mode: 0o660).release()
                }
            }
            return DocumentServer(try await bootstrap.withBoundSocket(descriptor).get(), place)
        }
    }

    private init(_ channel: any Channel, _ place: Place) {
        self.channel = channel
        self.place = place
    }

    /// Takes no more connections.
    package func close() async { try? await channel.close() }
}

/// How many clients there are.
private final class ConnectionCount: Sendable {
    private let count = Mutex(0)

    /// Whether there was room for one more.
    func enter(below limit: Int) -> Bool {
        count.withLock { count in
            guard count < limit else { return false }
            count += 1
            return true
        }
    }

    func leave() { count.withLock { $0 -= 1 } }
}

/// Makes each document once at a time.
actor SharedAnswers {
    private let source: DocumentServer.Source
    private var running: [DocumentRequest: Task<Document?, Never>] = [:]
    /// How many got, or wait for, what was made for another.
    private(set) var joined = 0

    init(_ source: @escaping DocumentServer.Source) { self.source = source }

    func answer(_ request: DocumentRequest) async -> Document? {
        if let task = running[request] {
            joined += 1
            return await task.value
        }
        let task = Task { [source] in await source(request) }
        running[request] = task
        defer { running[request] = nil }
        return await task.value
    }
}
