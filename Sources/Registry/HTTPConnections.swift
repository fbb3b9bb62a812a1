// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import AsyncHTTPClient
internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import OCIImageSpec
internal import Synchronization

/// The connections of this process to registries: pools that live as long as this object.
final class HTTPConnections: Sendable {
    /// What is asked, and how.
    struct Request: Sendable {
        /// What is sent along.
        enum Body: Sendable {
            case bytes([UInt8])
            /// Can be sent once.
            case stream(Handoff, length: Int64)
        }

        var method = HTTPMethod.GET
        var url: URL
        var headers: HTTPHeaders = [:]
        var body: Body?
        /// Sent to the server of `url` and to no other one.
        var authorization: String?
        /// What a token must be good for beside the repository's own scope.
        var otherScopes: [String] = []
        /// Whether a redirect may lead from TLS to plain HTTP: only for content whose digest is known.
        var plainRedirectAllowed = false
        /// An upload goes where the registry has said, and nowhere else.
        var followsRedirects = true
        /// Whether the body is for the server of `url` alone.
        var bodyIsSecret = false
        var transport = Transport()
    }

    /// An answer whose body is still to be read.
    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var headers: HTTPHeaders
        var body: HTTPClientResponse.Body
        /// Who answered, after redirects.
        var url: URL
    }

    /// Blobs that are received at the same time by this process.
    let downloads: Permits
    private let settings: RegistrySettings
    private let clients = Mutex<[Transport: HTTPClient]>([:])

    init(_ settings: RegistrySettings) {
        self.settings = settings
        downloads = Permits(settings.downloads)
    }

    deinit {
        let clients = clients.withLock { Array($0.values) }
        // The pools close in the background: the clients live until that is done, and own no threads.
        Task {
            // The only error is a second shutdown.
            for client in clients { try? await client.shutdown() }
        }
    }

    private func client(_ transport: Transport) throws(RequestFailure) -> HTTPClient {
        if let known = clients.withLock({ $0[transport] }) { return known }
        let made = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: Self.configuration(settings, transport, try transport.tls()))
        let (client, isFirst) = clients.withLock { clients in
            let client = clients[transport] ?? made
            clients[transport] = client
            return (client, client === made)
        }
        // Another request was faster; this one has no connections yet, so that closing it cannot fail.
        if !isFirst { Task { try? await made.shutdown() } }
        return client
    }

    private static func configuration(
        _ settings: RegistrySettings, _ transport: Transport, _ tls: TLSConfiguration
    ) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(
                connect: TimeAmount(settings.connectTimeout), read: TimeAmount(settings.stallTimeout),
                // What is sent may come from a registry that has its own patience.
                write: TimeAmount(settings.stallTimeout * 5)))
        switch transport.proxy {
        case .some(let proxy) where proxy.kind == .socks:
            configuration.proxy = .socksServer(host: proxy.host, port: proxy.port)
        case .some(let proxy):
            let authorization = proxy.user.map { user in
                HTTPClient.Authorization.basic(username: user, password: proxy.password ?? "")
            }
            configuration.proxy = .server(host: proxy.host, port: proxy.port, authorization: authorization)
        case nil: break
        }
        // HTTP/2 would carry all layers through one TCP connection and 64 KiB windows.
        configuration.httpVersion = .http1Only
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
        // Retries are ours: a refused connection is an answer.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.http1_1ConnectionDebugInitializer = { channel in
            // The default of 2 to 64 KiB costs a switch between threads per piece.
            channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256 << 10))
        }
        return configuration
    }

    /// Sends the request, follows redirects, and returns the first other answer, of whatever status.
    func send(_ request: Request) async throws -> Answer {
        var request = request
        var url = request.url
        var authorization = request.authorization
        for _ in 0...Redirect.limit {
            let response = try await send(request, to: url, authorization)
            guard request.followsRedirects,
                let redirect = try Redirect(
                    status: response.status, location: response.headers.first(name: "location"), from: url,
                    plainAllowed: request.plainRedirectAllowed || !request.transport.verifiesCertificate)
            else {
                return Answer(status: response.status, headers: response.headers, body: response.body, url: url)
            }
            // Read, so that the connection can be used again; what it says is of no interest.
            _ = try? await read(response.body, limit: 64 << 10)
            try Task.checkCancellation()
            if !redirect.staysOnServer {
                guard !request.bodyIsSecret else {
                    throw RequestFailure(
                        .invalid, "redirected to \(redirect.target.peer), which must not get our credentials")
                }
                authorization = nil
                request.transport.certificates.client = nil
            }
            url = redirect.target
        }
        throw RequestFailure(.invalid, "redirected more than \(Redirect.limit) times")
    }

    private func send(_ request: Request, to url: URL, _ authorization: String?) async throws -> HTTPClientResponse {
        var message = HTTPClientRequest(url: url.absoluteString)
        message.method = request.method
        message.headers = request.headers
        message.headers.replaceOrAdd(name: "user-agent", value: settings.userAgent)
        if let authorization { message.headers.replaceOrAdd(name: "authorization", value: authorization) }
        // Covers the time until the answer begins; the body is watched by the read timeout.
        var patience = settings.connectTimeout + settings.stallTimeout
        switch request.body {
        case .bytes(let bytes): message.body = .bytes(bytes)
        case .stream(let handoff, let length):
            message.body = .stream(handoff, length: .known(length))
            // An upload may take its time, as long as it moves: the write timeout sees to that.
            patience = .seconds(86400)
        case nil: break
        }
        var transport = request.transport
        transport.proxy = try settings.proxies.server(for: url)
        let client = try client(transport)
        do {
            return try await client.execute(message, timeout: TimeAmount(patience))
        } catch {
            throw try RequestFailure(error, peer: url.peer, settings)
        }
    }

    /// The whole body of an answer, which may be at most `limit` bytes long.
    func body(_ answer: Answer, limit: Int) async throws -> [UInt8] {
        do {
            let bytes = try await read(answer.body, limit: limit)
            try Task.checkCancellation()
            return bytes
        } catch {
            throw try RequestFailure(error, peer: answer.url.peer, settings)
        }
    }

    private func read(_ body: HTTPClientResponse.Body, limit: Int) async throws -> [UInt8] {
        var pace = Pace(settings)
        var bytes: [UInt8] = []
        for try await part in body {
            guard part.readableBytes <= limit - bytes.count else {
                throw RequestFailure(.invalid, "the answer is longer than \(limit) bytes")
            }
            bytes += part.readableBytesView
            try pace.take(part.readableBytes)
        }
        return bytes
    }

    /// The failure that an answer with an error status stands for, with the registry's words. Reads the body, so that
    /// the connection can be used again.
    func failure(_ answer: Answer) async throws -> RequestFailure {
        // Without its words the status remains.
        let body = (try? await body(answer, limit: 64 << 10)) ?? []
        try Task.checkCancellation()
        return RequestFailure(status: answer.status, headers: answer.headers, body: body, now: Int64(time(nil)))
    }

    /// Runs `work` until it succeeds, fails for good, or the attempts are used up; then an outer step does not try
    /// again either, so that attempts do not multiply.
    func retrying<Value>(_ work: () async throws -> Value) async throws -> Value {
        var backoff = Backoff(settings)
        while true {
            do {
                return try await work()
            } catch let failure as RequestFailure {
                guard case .later(let asked) = failure.retry else { throw failure }
                guard let pause = backoff.next(atLeast: asked) else { throw failure.final }
                try await Task.sleep(for: pause)
            }
        }
    }
}
