// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIService
import GRPCCore
import GRPCNIOTransportHTTP2
import Linux
import Logging

/// The endpoint of the CRI on its unix socket, until SIGTERM.
struct Server {
    let engine: Engine
    let path: String
    let log: Logger

    /// The most that one message may hold, as clients of the CRI expect.
    private static let messageLimit = 80 << 20

    func run() async throws {
        try removeStaleSocket()
        let transport = HTTP2ServerTransport.Posix(
            address: .unixDomainSocket(path: path), transportSecurity: .plaintext,
            config: .defaults { $0.rpc.maxRequestPayloadSize = Self.messageLimit })
        let server = GRPCServer(
            transport: transport, services: [RuntimeService(engine), ImageEndpoint(engine)],
            interceptors: [RequestInterceptor(log)])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            group.addTask {
                _ = try await transport.listeningAddress
                // Until now only the superuser could connect.
                try SystemError.attempt("change mode of", path) { () throws(Errno) in
                    try Syscall.changeMode(path, 0o660)
                }
                log.info("serving \(path)")
            }
            group.addTask {
                guard let signal = await TerminationSignals.next() else { return }
                log.info("\(signal): stopping; pods go on")
                server.beginGracefulShutdown()
                // What still runs then is repeated by its client.
                try await Task.sleep(for: .seconds(5))
            }
            // Either the server has ended, or its time for that is over.
            var ended = 0
            while ended < 2, try await group.next() != nil { ended += 1 }
            group.cancelAll()
            try? Syscall.removeFile(path)
            // Pods live on; nothing of this process is worth an orderly end.
            Syscall.exitNow(0)
        }
    }

    /// A socket file that nobody serves is left from a daemon that was killed.
    private func removeStaleSocket() throws {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "/"
        try SystemError.attempt("make directory", folder) { () throws(Errno) in
            try Syscall.makeDirectories(folder, mode: 0o755)
        }
        try SystemError.attempt("listen on", path) { () throws(Errno) in
            let status: FileStatus
            do throws(Errno) { status = try Syscall.linkStatus(path) } catch .ENOENT { return }
            guard status.kind == .socket else { throw .EEXIST }
            do throws(Errno) {
                _ = try UnixSocket.connect(path)
            } catch .ECONNREFUSED {
                return try Syscall.removeFile(path)
            }
            throw .EADDRINUSE
        }
    }
}
