// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import OTLPAPI
internal import SwiftProtobuf
package import Traces

/// Sends spans to a collector by OTLP over gRPC, in batches and without TLS. While the collector cannot be reached, one
/// batch waits for it here and more in the queue; nobody else waits.
package struct SpanExporter: Sendable {
    private let spans: SpanQueue
    private let resource: [TraceSpan.Attribute]
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let report: @Sendable (String) -> Void

    private static let batch = 512
    private static let pause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)
    private static let limit = Duration.seconds(10)

    /// `resource` says whose spans these are. `report` is told when sending begins to fail and when it works again.
    package init(
        _ spans: SpanQueue, to address: CollectorAddress, resource: [TraceSpan.Attribute],
        report: @escaping @Sendable (String) -> Void
    ) throws {
        self.spans = spans
        self.resource = resource
        self.report = report
        var config = HTTP2ClientTransport.Posix.Config.defaults
        config.backoff.max = Self.longestPause
        let transport: HTTP2ClientTransport.Posix
        switch address {
        case .host(let host, let port):
            transport = try .http2NIOPosix(
                target: .dns(host: host, port: port), transportSecurity: .plaintext, config: config)
        case .socket(let path):
            // Servers in Go refuse a path as the authority.
            config.http2.authority = "localhost"
            transport = try .http2NIOPosix(
                target: .unixDomainSocket(path: path), transportSecurity: .plaintext, config: config)
        }
        client = GRPCClient(transport: transport)
    }

    /// Begins to send, until the process ends.
    package func start() {
        Task {
            do { try await client.runConnections() } catch { report("no spans are sent any more: \(error)") }
        }
        Task {
            for await _ in spans.arrivals {
                // More will come: a request has several. Nobody cancels this task.
                try? await Task.sleep(for: Self.pause)
                await sendWaiting()
            }
        }
    }

    /// Sends what waits, as far as the collector takes it at once.
    package func finish(within limit: Duration) async {
        while case let batch = spans.take(upTo: Self.batch), !batch.isEmpty {
            do throws(RPCError) { try await send(batch, limit) } catch {
                spans.note(dropped: batch.count)
                return report("\(batch.count) spans were not sent: \(error.code): \(error.message)")
            }
        }
    }

    private func sendWaiting() async {
        while case let batch = spans.take(upTo: Self.batch), !batch.isEmpty { await sendOrDrop(batch) }
    }

    /// Tries until the collector has taken the batch, or said that it never will.
    private func sendOrDrop(_ batch: [TraceSpan]) async {
        var pause = Self.pause
        var hasFailed = false
        while true {
            do throws(RPCError) {
                try await send(batch, Self.limit)
                if hasFailed { report("the collector takes spans again") }
                return
            } catch {
                guard error.isWorthAnotherTry else {
                    spans.note(dropped: batch.count)
                    return report("the collector refused \(batch.count) spans: \(error.code): \(error.message)")
                }
                if !hasFailed { report("the collector cannot be reached: \(error.code): \(error.message)") }
                hasFailed = true
            }
            // Nobody cancels this task.
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private func send(_ batch: [TraceSpan], _ limit: Duration) async throws(RPCError) {
        var options = CallOptions.defaults
        options.timeout = limit
        options.waitForReady = false
        let service = OTLPTraceService.Client(wrapping: client)
        let response: OTLPExportTraceServiceResponse
        do {
            response = try await service.export(request(batch), options: options)
        } catch {
            throw error as? RPCError ?? RPCError(code: .unavailable, message: "\(error)")
        }
        let rejected = min(max(0, Int(response.partialSuccess.rejectedSpans)), batch.count)
        spans.note(sent: batch.count - rejected, dropped: rejected)
        if rejected > 0 { report("the collector refused \(rejected) spans: \(response.partialSuccess.errorMessage)") }
    }

    private func request(_ batch: [TraceSpan]) -> OTLPExportTraceServiceRequest {
        .with {
            $0.resourceSpans = [
                .with {
                    $0.resource.attributes = resource.map(\.message)
                    $0.scopeSpans = [
                        .with {
                            $0.scope.name = "skiff"
                            $0.spans = batch.map(\.message)
                        }
                    ]
                }
            ]
        }
    }
}

extension RPCError {
    /// As the protocol says of each code.
    fileprivate var isWorthAnotherTry: Bool {
        switch code {
        case .cancelled, .deadlineExceeded, .resourceExhausted, .aborted, .outOfRange, .unavailable, .dataLoss: true
        default: false
        }
    }
}
