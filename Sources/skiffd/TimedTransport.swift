// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIService
import GRPCCore
import NIOCore
import Synchronization

/// A transport whose requests are cancelled by a timer of the event loop when their time is up.
///
/// gRPC itself has a task sleep beside each request, which lies in memory until that time even when the request has long been
/// answered: with kubelet's two minutes, thousands of them.
struct TimedTransport<Base: ServerTransport>: ServerTransport {
    typealias Bytes = Base.Bytes
    typealias Handler = @concurrent @Sendable (RPCStream<Base.Inbound, Base.Outbound>, ServerContext) async -> Void

    let base: Base
    /// On whose thread requests are handled.
    let loop: any EventLoop

    func configure(context: GRPCServerContext) { base.configure(context: context) }

    func listen(streamHandler: @escaping Handler) async throws {
        let loop = loop
        try await base.listen { stream, context in
            let timer = RequestTimer(loop, context.cancellation)
            let inbound = stream.inbound.map { part -> RPCRequestPart<Bytes> in
                guard case .metadata(var metadata) = part else { return part }
                if let span = RequestDeadline.take(from: &metadata) { timer.start(span) }
                return .metadata(metadata)
            }
            await streamHandler(
                RPCStream(
                    descriptor: stream.descriptor, inbound: RPCAsyncSequence(wrapping: inbound),
                    outbound: stream.outbound), context)
            timer.stop()
        }
    }

    func beginGracefulShutdown() { base.beginGracefulShutdown() }
}

/// The watch of one request.
private final class RequestTimer: Sendable {
    private let loop: any EventLoop
    private let request: ServerContext.RPCCancellationHandle
    private let running = Mutex<Scheduled<Void>?>(nil)

    init(_ loop: any EventLoop, _ request: ServerContext.RPCCancellationHandle) {
        self.loop = loop
        self.request = request
    }

    func start(_ nanoseconds: Int64) {
        let request = request
        running.withLock { running in
            guard running == nil else { return }
            running = loop.scheduleTask(in: .nanoseconds(nanoseconds)) { request.cancel() }
        }
    }

    func stop() { running.withLock { $0 }?.cancel() }
}
