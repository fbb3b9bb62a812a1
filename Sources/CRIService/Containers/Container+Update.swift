// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import CRIAPI
internal import Linux
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import OCIRuntimeSpec
internal import SwiftProtobuf

extension Engine {
    /// Changes the limits of a container that was created or runs; what the request does not mention stays.
    func updateContainer(_ id: String, _ request: CRI.Resources) async throws {
        let container = try table.container(id)
        do {
            // Goes on when the client gives up: limits and what is on record of them are changed together.
            let others = try await Work { try await container.update(request) }.value
            // Not before: two containers must not wait for each other.
            _ = await carryOut(others?.updates ?? [])
            await carryOut(others?.evictions ?? [])
        } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "update container", container.id)
        }
    }
}

extension Container {
    /// Sets what a request asks for and plugins make of it; what they want of others is returned.
    func update(_ request: CRI.Resources) async throws -> UpdateMerge? {
        try await inTurn { try await self.updateNow(request) }
    }

    /// Sets what a plugin asks for.
    func update(wanted: NRILinuxResources) async throws {
        var limits = LinuxResources()
        try limits.take(wanted)
        limits.bindSwap(on: engine.host)
        _ = try await inTurn { [limits] in
            let before = await self.resources
            var after = before
            after.overlay(limits, over: LinuxResources())
            try await self.set(limits, after)
            return nil
        }
    }

    /// One update after the other.
    private func inTurn(_ body: @escaping @Sendable () async throws -> UpdateMerge?) async throws -> UpdateMerge? {
        while let updating { _ = try? await updating.value }
        let work = Work(body)
        updating = work
        defer { updating = nil }
        return try await work.value
    }

    private func updateNow(_ request: CRI.Resources) async throws -> UpdateMerge? {
        let asked = try SpecBuilder.limits(
            request, host: engine.host, leastMemory: engine.minimumMemory(of: handler))
        try requireUpdatable()
        let merge = try await askPlugins(asked)
        var limits = asked
        if let merge { try limits.take(merge.resources) }
        var after = Self.merge(request, into: resources)
        after.overlay(limits, over: asked)
        try await set(limits, after)
        if merge != nil { await notePlugins(.postUpdateContainer, .goesOn) }
        return merge
    }

    private func requireUpdatable() throws(ServiceError) {
        switch state {
        case .created, .running: break
        case .creating, .restorable, .starting, .exited:
            throw ServiceError(.state, "use container", id, "it is \(state.word), neither created nor running")
        }
        guard removing == nil else { throw ServiceError(.state, "use container", id, "it is being removed") }
    }

    /// Has the runtime set the limits, and writes down what it comes to.
    private func set(_ limits: LinuxResources, _ after: CRI.Resources) async throws {
        try requireUpdatable()
        if limits != LinuxResources() {
            try await refuseBelowUse(limits)
            try await run(limits)
        }
        resources = after
        var config = config
        config.linux.resources = resources
        record.config = try config.serializedData()
        try await save()
    }

    /// The kernel would take a limit below what is in use, and kill for it.
    private func refuseBelowUse(_ limits: LinuxResources) async throws {
        guard let limit = limits.memory?.limit, limit > 0, let use = try await metrics()?.memory.usage.usage,
            UInt64(limit) < use
        else { return }
        throw ServiceError(.invalid, "set memory limit", "\(limit)", "\(use) bytes are in use")
    }

    /// `runtime update`, which keeps what the runtime itself remembers true.
    private func run(_ limits: LinuxResources) async throws {
        let file = "\(paths.bundle(id))/update-\(Identifier.random().prefix(16)).json"
        let (command, log, handler) = (handler.update(id, paths, resources: file), paths.runtimeLog(id), handler.name)
        try await BlockingPool.run {
            let text = try JSON.encode(limits)
            try SystemError.attempt("write", file) { () throws(Errno) in try AtomicFile.write(file, text, mode: 0o600) }
            // A file that stays behind goes with the bundle.
            defer { try? Syscall.removeFile(file) }
            let output = try command.run()
            guard !output.status.isSuccess else { return }
            throw ServiceError(.failed, "\(handler) update", nil, RuntimeLog.lastError(log) ?? output.errorText)
        }
    }

    /// Zero and empty mean "not mentioned".
    static func merge(_ request: CRI.Resources, into old: CRI.Resources) -> CRI.Resources {
        var new = old
        func take<Value: Equatable>(_ place: WritableKeyPath<CRI.Resources, Value>, unless nothing: Value) {
            if request[keyPath: place] != nothing { new[keyPath: place] = request[keyPath: place] }
        }
        take(\.cpuPeriod, unless: 0)
        take(\.cpuQuota, unless: 0)
        take(\.cpuShares, unless: 0)
        take(\.memoryLimitInBytes, unless: 0)
        take(\.memorySwapLimitInBytes, unless: 0)
        take(\.cpusetCpus, unless: "")
        take(\.cpusetMems, unless: "")
        take(\.hugepageLimits, unless: [])
        new.unified.merge(request.unified) { $1 }
        return new
    }
}
