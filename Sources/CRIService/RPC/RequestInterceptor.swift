// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import GRPCCore
internal import Linux
package import Logging
package import Traces

/// What happens around every request: when the client goes away the handler's task is cancelled, an error gets its gRPC
/// code, one line is logged, it is counted, and traced if that is wanted.
package struct RequestInterceptor: ServerInterceptor {
    private let log: Logger
    private let metrics: EngineMetrics
    private let tracer: Tracer?

    /// Logs to `log`: failures as warnings, the rest for debugging.
    package init(_ log: Logger, _ metrics: EngineMetrics, _ tracer: Tracer?) {
        self.log = log
        self.metrics = metrics
        self.tracer = tracer
    }

    package func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let method = context.descriptor.method
        let start = KernelClock.monotonic
        let deadline = RequestDeadline(request.metadata, now: start)
        let span = tracer?.begin(request.metadata, context.descriptor)
        do {
            let response = try await withThrowingTaskGroup(of: StreamingServerResponse<Output>?.self) { group in
                try await withoutActuallyEscaping(next) { next in
                    group.addTask {
                        try await RequestDeadline.$current.withValue(deadline) {
                            guard let span else { return try await next(request, context) }
                            return try await OpenSpan.$current.withValue(span) { try await next(request, context) }
                        }
                    }
                    group.addTask {
                        try await context.cancellation.cancelled
                        return nil
                    }
                    // The first to end is the handler's response, its error, or the client's departure.
                    guard let response = try await group.next() ?? nil else {
                        group.cancelAll()
                        // The handler ends by the cancellation, or happens to have succeeded.
                        return try await group.next() ?? nil
                    }
                    group.cancelAll()
                    return response
                }
            }
            guard let response else { throw CancellationError() }
            if case .failure(let error) = response.accepted { throw error }
            span?.end(failing: nil)
            let end = KernelClock.monotonic
            let time = end - start
            metrics.note(method, nanoseconds: time, ended: end, failure: nil)
            log.debug("\(method)", metadata: ["ms": "\(time / 1_000_000)"])
            return response
        } catch {
            let error = Self.rpcError(error, isLate: deadline?.isOver(at: KernelClock.monotonic) ?? false)
            span?.end(failing: error)
            let end = KernelClock.monotonic
            let time = end - start
            metrics.note(method, nanoseconds: time, ended: end, failure: "\(error.code)")
            let level: Logger.Level = error.code == .unimplemented || error.code == .notFound ? .debug : .warning
            log.log(
                level: level, "\(method): \(error.message)",
                metadata: ["code": "\(error.code)", "ms": "\(time / 1_000_000)"])
            throw error
        }
    }

    /// A client may hear of the deadline from here before its own clock tells it.
    private static func rpcError(_ error: any Error, isLate: Bool) -> RPCError {
        switch error {
        case let error as RPCError: error
        case is CancellationError:
            RPCError(code: isLate ? .deadlineExceeded : .cancelled, message: "the client did not wait for the end")
        case let error as any RPCErrorConvertible:
            RPCError(code: error.rpcErrorCode, message: error.rpcErrorMessage)
        default: RPCError(code: .unknown, message: "\(error)")
        }
    }
}
