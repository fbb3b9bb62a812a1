// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI

extension Pod {
    /// The status of every container that is made, in the order of their making.
    func containerStatuses() async -> [Runtime_V1_ContainerStatus] {
        var all: [Runtime_V1_ContainerStatus] = []
        for container in containers.values where engine.table.isVisible(container.id) {
            all.append(await container.status)
        }
        return all.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }
}

extension Container {
    /// Tells that the container has started, once, and before its end is told.
    func tellStart() {
        guard !toldStart else { return }
        toldStart = true
        engine.events.post(.containerStartedEvent, id, of: pod)
    }
}
