// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIService
import GRPCCore
import GRPCNIOTransportHTTP2
import Linux
import Logging
import NIOPosix
import Streaming
import TraceExport

/// The endpoint of the CRI on its unix socket, until SIGTERM. SIGHUP has the configuration read again.
struct Server {
    let engine: Engine
    let path: String
    /// The longest message that is received, in bytes.
    let messageLimit: Int
    let log: Logger
    /// Reads the configuration again.
    let reload: @Sendable () throws -> Void
    let manager: ServiceManager?
    let exporter: SpanExporter?

    /// At a time, of one client: more than a node has probes, for these wait longest.
    private static let mostRequests = 10_000

    func run() async throws {
        try UnixSocket.makeWay(path)
        // What takes long is not done by handlers themselves: one thread serves all.
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let transport = HTTP2ServerTransport.Posix(
            address: .unixDomainSocket(path: path), transportSecurity: .plaintext,
            config: .defaults { config in
                config.rpc.maxRequestPayloadSize = messageLimit
                // Where nothing is said, clients take it for no limit, but swift-nio-http2 holds them to 100 and ends the
                // connection with all that is in flight. What is beyond the limit waits at the client.
                config.http2.maxConcurrentStreams = Self.mostRequests
                config.channelDebuggingCallbacks.onBindTCPListener = AcceptPause.add
            }, eventLoopGroup: loops)
        let server = GRPCServer(
            transport: TimedTransport(base: transport, loop: loops.next()),
            services: [RuntimeService(engine), ImageEndpoint(engine)],
            interceptors: [RequestInterceptor(log, engine.metrics, engine.tracer)])
        let ending = try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask(executorPreference: EventLoopExecutor(loops.next())) {
                try await server.serve()
                return "the server ended"
            }
            group.addTask {
                _ = try await transport.listeningAddress
                // Until now only the superuser could connect.
                try SystemError.attempt("change mode of", path) { () throws(Errno) in
                    try Syscall.changeMode(path, 0o660)
                }
                log.info("serving \(path)")
                tell("READY=1")
                try await manager?.giveSigns(log) { try await engine.checkLife() }
                return nil
            }
            group.addTask {
                guard let signal = await nextEnd() else { return nil }
                log.info("\(signal): stopping; pods go on")
                tell("STOPPING=1")
                server.beginGracefulShutdown()
                // What still runs then is repeated by its client.
                try await Task.sleep(for: .seconds(5))
                return "requests were cut off"
            }
            // The first word is the end; the second task only says nothing.
            while let ending = try await group.next() {
                if let ending {
                    group.cancelAll()
                    return ending
                }
            }
            return ""
        }
        log.info("ended: \(ending)")
        await exporter?.finish(within: .seconds(1))
        // The next daemon copes with a socket that is left; one that serves there already keeps its own.
        try? UnixSocket.removeStale(path)
        // Pods live on; nothing of this process is worth an orderly end.
        Syscall.exitNow(0)
    }

    /// The next signal that is not the wish for a new configuration.
    private func nextEnd() async -> Signal? {
        while let signal = await DaemonSignals.next() {
            guard signal == .hangUp else { return signal }
            tell("RELOADING=1\nMONOTONIC_USEC=\(KernelClock.monotonic / 1000)")
            do { try reload() } catch { log.error("the old configuration stays: \(error)") }
            tell("READY=1")
        }
        return nil
    }

    private func tell(_ words: String) {
        do { try manager?.tell(words) } catch { log.warning("\(error)") }
    }
}
