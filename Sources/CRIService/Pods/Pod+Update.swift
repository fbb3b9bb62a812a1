// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import Linux
internal import NRI
internal import NRIAPI
internal import OCIRuntimeSpec
internal import SwiftProtobuf

extension Engine {
    /// Takes note of a pod's new limits. A cgroup that the client made is the client's to change; one of our own gets
    /// them.
    func updatePod(_ id: String, overhead: CRI.Resources, resources: CRI.Resources) async throws {
        let pod = try table.pod(id)
        do {
            try await pod.update(overhead, resources)
        } catch {
            throw ServiceError.wrap(error, "update pod", pod.id)
        }
    }

    /// The limits of all containers and, on top, what the pod itself costs.
    static func sum(_ overhead: CRI.Resources, _ resources: CRI.Resources) -> CRI.Resources {
        var sum = resources
        // Without a limit there is nothing to add to.
        if sum.memoryLimitInBytes > 0 { sum.memoryLimitInBytes += max(0, overhead.memoryLimitInBytes) }
        if sum.cpuQuota > 0, overhead.cpuPeriod == sum.cpuPeriod { sum.cpuQuota += max(0, overhead.cpuQuota) }
        if sum.cpuShares > 0 { sum.cpuShares += max(0, overhead.cpuShares) }
        return sum
    }
}

extension Pod {
    func update(_ overhead: CRI.Resources, _ resources: CRI.Resources) async throws {
        let limits = try SpecBuilder.limits(
            Engine.sum(overhead, resources), host: engine.host, leastMemory: engine.minimumMemory(of: handler))
        guard isReady else { throw ServiceError(.state, "use pod", id, "it is not ready") }
        try await askPlugins(overhead: overhead, resources: resources)
        if plan.cgroup.isOwn, limits != LinuxResources() {
            let driver = try cgroup()
            try await BlockingPool.run { try driver.update(limits) }
        }
        await notePlugins(.postUpdatePodSandbox, .goesOn)
    }
}
