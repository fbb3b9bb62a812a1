// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import OCIRuntimeSpec
internal import Traces

extension Pod {
    /// The checkpoint that a request for an image means; nil when it means an image.
    func checkpoint(_ image: String) async throws -> RestoreArchive? {
        guard PathText.isAbsolute(image) else { return nil }
        let (settings, features, handler) = (engine.config.checkpoints, engine.features, handler)
        guard settings.containerLevel == .checkpointRestore else {
            throw ServiceError(
                .state, "use checkpoint", image,
                "checkpoint_restore.container_level_enabled is \"\(settings.containerLevel.rawValue)\"")
        }
        return try await BlockingPool.run {
            try Container.requireCheckpoints(of: handler, features.features(of: handler))
            return try RestoreArchive.find(image, in: settings.restoreDirs)
        }
    }
}

extension Container {
    /// Unpacks a checkpoint, and makes the changes of its container in the new root file system.
    func unpack(_ archive: RestoreArchive) async throws -> RestoreArchive.Parts {
        let folder = paths.restore(id)
        let (parts, removed) = try await BlockingPool.run {
            let parts = try archive.unpack(to: folder)
            return (parts, try parts.removed())
        }
        try await engine.images.restoreChanges(of: id, from: parts.changes, removing: removed, archive: archive.path)
        return parts
    }

    /// Has the runtime bring the processes back to life; from then on the container is like any other that runs.
    func restore() async throws {
        state = .creating
        let work = Work { try await self.restoreNow() }
        creating = work
        defer { creating = nil }
        try await work.value
    }

    private func restoreNow() async throws {
        try await tellPlugins(.startContainer, .goesOn)
        let console = config.tty ? paths.consoleSocket(id) : nil
        let process = try await traced("\(handler.name) restore") {
            try await createProcess(handler.restore(id, paths, console: console), "restore")
        }
        // It may have ended at once.
        guard case .creating = state else { return }
        state = .starting(process)
        record.pid = process.pid
        record.startTime = Int64(process.startTime)
        // The monitor counts a container as running when a command has started it. This one runs already: the command is one
        // that succeeds then.
        do { try await startProcess(handler.state(id, paths), "state") } catch {
            // It ended before anybody could ask.
            guard readExitRecord() != nil else { throw error }
        }
        let folder = paths.restore(id)
        do {
            try await BlockingPool.run { () throws in try Syscall.removeTree(folder) }
        } catch {
            // It goes with the container.
            engine.log.warning("remove \"\(folder)\": \(error)")
        }
    }

    /// Ends a container of a checkpoint that was never brought back to life.
    func endUnrestored() async {
        let now = UInt64(KernelClock.realtime)
        await ended(
            ExitRecord(
                pid: 0, code: 137, signal: UInt32(Signal.kill.rawValue), oomKilled: false, started: nil, finished: now,
                reason: "Error"))
    }
}
