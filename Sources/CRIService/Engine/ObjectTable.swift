// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Synchronization

/// Every pod and container by id and by name, those that are being made or removed included.
final class ObjectTable: Sendable {
    private struct State {
        var pods: [String: Pod] = [:]
        var containers: [String: Container] = [:]
        var podNames: [String: Pod] = [:]
        var containerNames: [String: Container] = [:]
        /// Being made: what requests cannot see. Few at a time, and most lists find none.
        var hidden: Set<String> = []

        func isVisible(_ id: String) -> Bool {
            !hidden.contains(id) && (pods[id] != nil || containers[id] != nil)
        }
    }

    private let state = Mutex(State())

    func add(_ pod: Pod, visible: Bool) {
        state.withLock { state in
            state.pods[pod.id] = pod
            state.podNames[pod.name] = pod
            if !visible { state.hidden.insert(pod.id) }
        }
    }

    func add(_ container: Container, visible: Bool) {
        state.withLock { state in
            state.containers[container.id] = container
            state.containerNames[container.name] = container
            if !visible { state.hidden.insert(container.id) }
        }
    }

    /// Whether requests can see it.
    func isVisible(_ id: String) -> Bool { state.withLock { $0.isVisible(id) } }

    func show(_ id: String) { state.withLock { _ = $0.hidden.remove(id) } }

    func remove(_ pod: Pod) {
        state.withLock { state in
            state.pods[pod.id] = nil
            state.hidden.remove(pod.id)
            if state.podNames[pod.name] === pod { state.podNames[pod.name] = nil }
        }
    }

    func remove(_ container: Container) {
        state.withLock { state in
            state.containers[container.id] = nil
            state.hidden.remove(container.id)
            if state.containerNames[container.name] === container { state.containerNames[container.name] = nil }
        }
    }

    func pod(named name: String) -> Pod? { state.withLock { $0.podNames[name] } }
    func container(named name: String) -> Container? { state.withLock { $0.containerNames[name] } }

    /// All that requests can see.
    var pods: [Pod] { state.withLock { state in state.pods.values.filter { !state.hidden.contains($0.id) } } }
    var containers: [Container] {
        state.withLock { state in state.containers.values.filter { !state.hidden.contains($0.id) } }
    }
    /// Also those that are being made.
    var allPods: [Pod] { state.withLock { Array($0.pods.values) } }

    /// The visible pod of an id or of its unique beginning; nil when there is none.
    func findPod(_ id: String) throws(ServiceError) -> Pod? {
        try Identifier.check(id, kind: "pod")
        // A whole id, as kubelet has it, costs the same however many there are.
        if let pod = state.withLock({ $0.hidden.contains(id) ? nil : $0.pods[id] }) { return pod }
        let pods = Dictionary(uniqueKeysWithValues: pods.map { ($0.id, $0) })
        return try Identifier.match(id, in: pods.keys, kind: "pod").flatMap { pods[$0] }
    }

    /// The visible container of an id or of its unique beginning; nil when there is none.
    func findContainer(_ id: String) throws(ServiceError) -> Container? {
        try Identifier.check(id, kind: "container")
        if let container = state.withLock({ $0.hidden.contains(id) ? nil : $0.containers[id] }) { return container }
        let containers = Dictionary(uniqueKeysWithValues: containers.map { ($0.id, $0) })
        return try Identifier.match(id, in: containers.keys, kind: "container").flatMap { containers[$0] }
    }

    /// The same; throws when there is none.
    func pod(_ id: String) throws(ServiceError) -> Pod {
        if let pod = try findPod(id) { return pod }
        throw ServiceError(.notFound, "find pod", id, "no such pod")
    }

    /// The same; throws when there is none.
    func container(_ id: String) throws(ServiceError) -> Container {
        if let container = try findContainer(id) { return container }
        throw ServiceError(.notFound, "find container", id, "no such container")
    }
}
