// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRPCCore
internal import Traces

// Names are those of OpenTelemetry's conventions for RPC.

extension Tracer {
    /// The span of a request, below the client's if its metadata tell of one.
    func begin(_ metadata: Metadata, _ method: MethodDescriptor) -> OpenSpan? {
        begin(
            method.fullyQualifiedMethod, .server, parent: TraceContext(metadata),
            [
                .init("rpc.system", "grpc"), .init("rpc.service", method.service.fullyQualifiedService),
                .init("rpc.method", method.method),
            ])
    }
}

extension TraceContext {
    fileprivate init?(_ metadata: Metadata) {
        var parents = metadata[stringValues: "traceparent"].makeIterator()
        // With two of them nobody knows which is right.
        guard let parent = parents.next(), parents.next() == nil else { return nil }
        self.init(
            traceparent: parent, tracestate: Array(metadata[stringValues: "tracestate"]).joined(separator: ","))
    }
}

extension OpenSpan {
    /// Ends the span of a request. What only the client did wrong is no failure of the server.
    func end(failing error: RPCError?) {
        end(
            failure: error.flatMap { $0.isServers ? $0.message : nil },
            [.init("rpc.grpc.status_code", Int64(error?.code.rawValue ?? 0))])
    }
}

extension RPCError {
    fileprivate var isServers: Bool {
        switch code {
        case .unknown, .deadlineExceeded, .unimplemented, .internalError, .unavailable, .dataLoss: true
        default: false
        }
    }
}
