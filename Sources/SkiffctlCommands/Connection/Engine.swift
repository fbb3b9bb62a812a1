// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2
import Linux

/// A connection to the engine.
struct Engine: Sendable {
    typealias Transport = HTTP2ClientTransport.Posix

    let runtime: Runtime_V1_RuntimeService.Client<Transport>
    let images: Runtime_V1_ImageService.Client<Transport>
    let settings: Settings

    /// The longest answer: kubelet's and CRI-O's limit is the same.
    private static let longestMessage = 80 << 20

    /// How long a request may take when the user said nothing.
    enum Patience {
        /// The engine answers from memory.
        case query
        /// The engine does work, and perhaps waits this long on top, in seconds.
        case work(Int64)
        /// As long as it takes: pulls and commands of the user.
        case endless
        /// What the user gave this command; 0 is as long as it takes.
        case limit(TimeSpan)

        /// Whether a person may have to wait, who did not say for what.
        fileprivate var isWork: Bool {
            switch self {
            case .work, .limit: true
            case .query, .endless: false
            }
        }

        /// `general` is what the user gave all requests.
        fileprivate func timeout(_ general: Duration?) -> Duration? {
            switch self {
            case .query: general ?? .seconds(30)
            case .work(let seconds): (general ?? .seconds(240)) + .seconds(min(seconds, 1 << 32))
            case .endless: general
            case .limit(let span): span.nanoseconds > 0 ? span.duration : nil
            }
        }
    }

    /// Connects, runs the body and disconnects.
    static func connect<Result: Sendable>(
        _ settings: Settings, _ interceptors: [any ClientInterceptor] = [],
        _ body: (Engine) async throws -> Result
    ) async throws -> Result {
        try await awaitSocket(settings.runtime)
        return try await withGRPCClient(transport: transport(settings.runtime), interceptors: interceptors) { runtime in
            let service = Runtime_V1_RuntimeService.Client(wrapping: runtime)
            if settings.image == settings.runtime {
                let images = Runtime_V1_ImageService.Client(wrapping: runtime)
                return try await body(Engine(runtime: service, images: images, settings: settings))
            }
            try await awaitSocket(settings.image)
            return try await withGRPCClient(transport: transport(settings.image), interceptors: interceptors) { image in
                let images = Runtime_V1_ImageService.Client(wrapping: image)
                return try await body(Engine(runtime: service, images: images, settings: settings))
            }
        }
    }

    /// Makes one request and names it in the error. Shows on a terminal that work is being done, or what the meter says.
    func call<Response: Sendable>(
        _ operation: String, _ subject: String? = nil, patience: Patience = .query, meter: (any ProgressMeter)? = nil,
        _ body: (CallOptions) async throws -> Response
    ) async throws -> Response {
        var options = CallOptions.defaults
        options.waitForReady = false
        options.maxResponseMessageBytes = Self.longestMessage
        options.timeout = patience.timeout(settings.timeout)
        let start = ContinuousClock.now
        defer {
            if settings.debug { Console.note("debug: \(operation): \(ContinuousClock.now - start)") }
        }
        do {
            let work = patience.isWork ? WorkMeter(work: subject.map { "\(operation) \"\($0)\"" } ?? operation) : nil
            guard let meter = meter ?? work else { return try await body(options) }
            return try await ProgressLine.show(meter) { try await body(options) }
        } catch let error as RPCError {
            throw CommandError(operation, subject, error)
        }
    }

    /// Waits two seconds, like crictl, for an engine that was started just now. A plain connection tells why it fails; the
    /// transport only says that it is unavailable.
    private static func awaitSocket(_ endpoint: Endpoint) async throws {
        let end = ContinuousClock.now + .seconds(2)
        while true {
            do {
                _ = try SystemError.attempt("connect to", endpoint.path) { () throws(Errno) in
                    try UnixSocket.connect(endpoint.path)
                }
                return
            } catch {
                let mayCome = [.ENOENT, .ECONNREFUSED].contains(error.errno)
                guard mayCome, ContinuousClock.now < end else { throw endpoint.failure(error.errno) }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func transport(_ endpoint: Endpoint) throws -> Transport {
        var config = Transport.Config.defaults
        // Servers in Go refuse a path as the authority.
        config.http2.authority = "localhost"
        return try .http2NIOPosix(
            target: .unixDomainSocket(path: endpoint.path), transportSecurity: .plaintext, config: config)
    }
}
