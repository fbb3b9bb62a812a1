// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A server of HTTP on a free port of 127.0.0.1, without TLS unless told, that answers, or misbehaves, as a test says.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        var method: String
        /// With the query.
        var path: String
        var headers: HTTPHeaders
        var body: [UInt8]
        /// Whether the client has shown a certificate.
        var hasCertificate = false

        subscript(_ header: String) -> String? { headers.first(name: header) }
    }

    struct Reply: Sendable {
        enum Ending: Sendable {
            /// The answer is complete.
            case complete
            /// The connection breaks after the body.
            case broken
            /// Nothing more comes after the body, and the connection stays.
            case stalled
            /// After the body comes a byte every few milliseconds, for as long as the connection stays.
            case trickling
        }

        var status = HTTPResponseStatus.ok
        /// The length is stated as it is, unless it is among these; `transfer-encoding: chunked` does without.
        var headers: HTTPHeaders = [:]
        var body: [UInt8] = []
        var ending = Ending.complete

        static let missing = Reply(status: .notFound)
    }

    typealias Script = @Sendable (Request) -> Reply

    private let channel: any Channel
    private let log: Log
    let address: String

    /// Starts the server, on a given port if need be; the script is asked once per request.
    init(port: Int = 0, tls: TLSConfiguration? = nil, _ script: @escaping Script) async throws {
        let log = Log()
        let tls = try tls.map { try NIOSSLContext(configuration: $0) }
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: false)
                    try channel.pipeline.syncOperations.addHandler(Responder(script: script, log: log))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.log = log
        address = "127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    deinit { channel.close(promise: nil) }

    var port: Int { channel.localAddress?.port ?? 0 }

    /// From now on connections are refused.
    func stopListening() async throws { try await channel.close() }

    /// All requests so far, but for the pings.
    var requests: [Request] { log.all.filter { $0.path != "/v2/" } }

    /// The pings so far.
    var pings: Int { log.all.count - requests.count }

    fileprivate final class Log: Sendable {
        private let requests = Mutex<[Request]>([])
        var all: [Request] { requests.withLock { $0 } }
        func append(_ request: Request) { requests.withLock { $0.append(request) } }
    }
}

private final class Responder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let script: ScriptedServer.Script
    private let log: ScriptedServer.Log
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(script: @escaping ScriptedServer.Script, log: ScriptedServer.Log) {
        self.script = script
        self.log = log
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let buffer): body += Array(buffer.readableBytesView)
        case .end:
            guard let head else { return }
            let request = ScriptedServer.Request(
                method: head.method.rawValue, path: head.uri, headers: head.headers, body: body,
                // Without TLS there is none.
                hasCertificate: (try? context.pipeline.syncOperations.nioSSL_peerCertificate()) != nil)
            log.append(request)
            write(script(request), to: context, bodyless: head.method == .HEAD)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func write(_ reply: ScriptedServer.Reply, to context: ChannelHandlerContext, bodyless: Bool) {
        var headers = reply.headers
        if !headers.contains(name: "content-length"), !headers.contains(name: "transfer-encoding") {
            headers.add(name: "content-length", value: "\(reply.body.count)")
        }
        let head = HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !bodyless { context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil) }
        switch reply.ending {
        case .complete: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .stalled: context.flush()
        case .trickling: trickle(to: NIOLoopBound(context, eventLoop: context.eventLoop))
        case .broken:
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            let flushed = context.value.eventLoop.makePromise(of: Void.self)
            flushed.futureResult.whenComplete { _ in context.value.close(promise: nil) }
            context.value.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: flushed)
        }
    }

    private func trickle(to context: NIOLoopBound<ChannelHandlerContext>) {
        guard context.value.channel.isActive else { return }
        let byte = NIOAny(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: [0]))))
        context.value.writeAndFlush(byte, promise: nil)
        let next = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(10)) { next.value.trickle(to: context) }
    }
}
