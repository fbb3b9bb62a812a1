// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import SwiftProtobuf
internal import Synchronization

/// What happens to pods and containers, told to whoever listens in the order in which it happened.
///
/// ## Concurrency model
/// `post` only appends to a queue: no step of a pod's life waits for a listener. One task takes the queue in its order,
/// asks pods and containers how they are, and hands the event to every listener. The table of listeners is under a
/// mutex. A listener that falls behind by `room` events gets those that wait for it, and then the error that it missed
/// some: it has to list everything and listen anew.
final class EventHub: Sendable {
    typealias Events = AsyncThrowingStream<Runtime_V1_ContainerEventResponse, any Error>

    /// Makes the event when its turn has come.
    typealias Occurrence = @Sendable () async -> Runtime_V1_ContainerEventResponse

    private struct Listeners {
        var last = 0
        var table: [Int: Events.Continuation] = [:]
    }

    private let room: Int
    private let queue: AsyncStream<Occurrence>.Continuation
    private let listeners = Mutex(Listeners())
    private let metrics: EngineMetrics

    init(room: Int = 1000, metrics: EngineMetrics = EngineMetrics()) {
        self.room = room
        self.metrics = metrics
        let (stream, queue) = AsyncStream.makeStream(of: Occurrence.self)
        self.queue = queue
        Task { [weak self] in for await occurrence in stream { await self?.deliver(occurrence) } }
    }

    deinit { queue.finish() }

    /// Queues an event, if anybody listens.
    func post(_ occurrence: @escaping Occurrence) {
        guard listeners.withLock({ !$0.table.isEmpty }) else { return }
        queue.yield(occurrence)
    }

    /// Says that something happened to a container, or to a pod by the pod's id.
    func post(_ kind: Runtime_V1_ContainerEventType, _ id: String, of pod: Pod) {
        let time = KernelClock.realtime
        post {
            let (status, containers) = (await pod.status, await pod.containerStatuses())
            return .with {
                $0.containerID = id
                $0.containerEventType = kind
                $0.createdAt = time
                $0.podSandboxStatus = status
                $0.containersStatuses = containers
            }
        }
    }

    /// Everything from now on. Ends when nobody reads it any more.
    func listen() -> Events {
        let (events, continuation) = Events.makeStream(bufferingPolicy: .bufferingOldest(room))
        let number = listeners.withLock { listeners in
            listeners.last += 1
            listeners.table[listeners.last] = continuation
            return listeners.last
        }
        continuation.onTermination = { [weak self] _ in self?.forget(number) }
        return events
    }

    private func forget(_ number: Int) { listeners.withLock { _ = $0.table.removeValue(forKey: number) } }

    private func deliver(_ occurrence: Occurrence) async {
        let event = await occurrence()
        for (number, listener) in listeners.withLock({ $0.table }) {
            guard case .dropped = listener.yield(event) else { continue }
            forget(number)
            metrics.count(\.lateListeners)
            listener.finish(
                throwing: ServiceError(
                    .behind, "send events", nil,
                    "the client is \(room) events behind and misses some: list all and listen anew"))
        }
    }
}
