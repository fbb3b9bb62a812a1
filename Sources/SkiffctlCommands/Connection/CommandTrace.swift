// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import GRPCCore
import TraceExport
import Traces

/// The trace of one command: a span for it, and below that one for each request, with which the engine goes on.
struct CommandTrace: Sendable {
    /// What the user asked for.
    struct Wish: Hashable, Sendable {
        var collector: CollectorAddress
        var sampler: TraceSampler
    }

    private let span: OpenSpan
    private let exporter: SpanExporter

    /// nil where no trace is wanted, or chance does not take this one.
    init?(_ wish: Wish?, command: String) throws {
        guard let wish else { return nil }
        let tracer = Tracer(wish.sampler)
        guard let span = tracer.begin("skiffctl \(command)", .inner) else { return nil }
        self.span = span
        exporter = try SpanExporter(
            tracer.spans, to: wish.collector, resource: [.init("service.name", "skiffctl")]
        ) { Console.note("tracing: \($0)") }
        exporter.start()
    }

    var interceptor: any ClientInterceptor { TracedRequests(span: span) }

    /// Sends what there is, for at most two seconds.
    func end(_ error: (any Error)?) async {
        span.end(failure: error.map { ($0 as? ExitCode).map { "exit status \($0.rawValue)" } ?? "\($0)" })
        await exporter.finish(within: .seconds(2))
    }
}

/// Makes a span of every request, and tells the engine of it.
private struct TracedRequests: ClientInterceptor {
    let span: OpenSpan

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>, context: ClientContext,
        next:
            @concurrent (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
    ) async throws -> StreamingClientResponse<Output> {
        let child = span.child(context.descriptor.fullyQualifiedMethod, .client, [.init("rpc.system", "grpc")])
        var request = request
        request.metadata.replaceOrAddString(child.context.traceparent, forKey: "traceparent")
        do {
            let response = try await next(request, context)
            if case .failure(let error) = response.accepted { end(child, error) } else { end(child, nil) }
            return response
        } catch {
            end(child, error as? RPCError ?? RPCError(code: .unknown, message: "\(error)"))
            throw error
        }
    }

    private func end(_ child: OpenSpan, _ error: RPCError?) {
        child.end(
            failure: error?.message, [.init("rpc.grpc.status_code", Int64(error?.code.rawValue ?? 0))])
    }
}
