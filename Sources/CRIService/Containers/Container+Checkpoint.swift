// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Cgroups
internal import EngineConfiguration
internal import GRDB
internal import Linux
internal import Logging
internal import OCIImageSpec
internal import OCIRuntimeSpec

extension Engine {
    /// Writes the state of a running container to a tar archive, and lets it go on. `timeout` is in seconds; 0 stands for
    /// ten minutes.
    func checkpointContainer(_ id: String, to location: String, timeout: Int64) async throws {
        let container = try table.container(id)
        do {
            guard config.checkpoints.containerLevel != .none else {
                throw ServiceError(
                    .state, "make checkpoint", nil, "checkpoint_restore.container_level_enabled is \"none\"")
            }
            guard location.hasPrefix("/"), !location.hasSuffix("/") else {
                throw ServiceError(.invalid, "write archive", location, "not an absolute path of a file")
            }
            try await BlockingPool.run { try CheckpointArchive.checkLocation(location) }
            guard timeout >= 0, timeout <= Int64(Int32.max) / 1000 else {
                throw ServiceError(.invalid, "set timeout", "\(timeout)", "want 0 to \(Int32.max / 1000) seconds")
            }
            let milliseconds = timeout == 0 ? 600_000 : Int32(timeout) * 1000
            // Goes on when the client gives up: the container has to be let go in any case.
            try await Work { try await container.checkpoint(to: location, milliseconds: milliseconds) }.value
        } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "checkpoint container", container.id)
        }
    }
}

extension Container {
    /// The processes stand still until the archive is complete, so that their memory and their files are of one moment.
    func checkpoint(to location: String, milliseconds: Int32) async throws {
        try checkRunning()
        guard !isCheckpointing, removing == nil else {
            throw ServiceError(
                .state, "use container", id, "it is being \(isCheckpointing ? "checkpointed" : "removed")")
        }
        isCheckpointing = true
        defer { isCheckpointing = false }
        let (features, handler) = (engine.features, handler)
        try await BlockingPool.run { try Self.requireCheckpoints(of: handler, features.features(of: handler)) }
        guard try await !isPaused() else {
            // In the end it would run, which nobody wants yet.
            throw ServiceError(.state, "use container", id, "it is paused")
        }
        // On record: a daemon that is started meanwhile lets the container go.
        try await begin(.checkpoint)
        var failure: (any Error)?
        do {
            try await freeze()
            try await write(location, milliseconds)
        } catch {
            failure = error
        }
        do { try await endCheckpoint() } catch {
            engine.repeatUntilDone("let container \"\(id)\" go on") { try await self.endCheckpoint() }
        }
        if let failure { throw failure }
    }

    /// Lets the container go on, and removes what is not needed any more. May be repeated.
    func endCheckpoint() async throws {
        let (driver, folder) = (try cgroup(), paths.checkpoint(id))
        try await BlockingPool.run {
            if driver.exists { try driver.thaw() }
            try SystemError.attempt("remove", folder) { () throws(Errno) in try Syscall.removeTree(folder) }
        }
        let operation = operationName
        try await engine.records.write { db in
            // A removal that began meanwhile goes on after this.
            try db.execute(
                sql: "DELETE FROM operations WHERE name = ? AND kind = ?",
                arguments: [operation, OperationRecord.Kind.checkpoint.rawValue])
        }
    }

    /// Throws unless the handler can make checkpoints, and criu is there. Blocks the calling thread.
    static func requireCheckpoints(of handler: RuntimeHandler, _ features: Features?) throws(ServiceError) {
        guard features?.hasCheckpoints == true else {
            throw ServiceError(
                .unimplemented, "use handler", handler.name, "the runtime does not tell that it can make checkpoints")
        }
        guard ChildPlan.find("criu", path: RuntimeHandler.searchPath) != nil else {
            throw ServiceError(.state, "find program", "criu", "it is not installed")
        }
    }

    private func freeze() async throws {
        let driver = try cgroup()
        try await BlockingPool.run { try driver.freeze() }
    }

    private func write(_ location: String, _ milliseconds: Int32) async throws {
        let archive = CheckpointArchive(
            folder: paths.checkpoint(id), container: id, name: name, handler: handler.name, image: record.imageID,
            imageName: config.image.userSpecifiedImage.isEmpty ? config.image.image : config.image.userSpecifiedImage,
            imageReference: record.imageRef, createdAt: createdAt, spec: paths.spec(id), log: record.logPath)
        let (command, log, name) = (
            handler.checkpoint(id, paths, images: archive.images, work: archive.folder), paths.runtimeLog(id),
            handler.name
        )
        let bundles = try await BlockingPool.run {
            let bundles = try archive.begin()
            let output = try command.run(timeoutMilliseconds: milliseconds)
            guard !output.timedOut else {
                throw ServiceError(
                    .deadline, "\(name) checkpoint", nil,
                    "it did not end within \(milliseconds / 1000) s and was killed")
            }
            guard output.status.isSuccess else {
                throw ServiceError(
                    .failed, "\(name) checkpoint", nil,
                    RuntimeLog.lastError(log) ?? archive.reason(or: output.errorText))
            }
            return bundles
        }
        let removed = try await engine.images.writeChanges(
            of: id, image: try Digest(parsing: record.imageID), skipping: bundles, to: archive.changes)
        try await BlockingPool.run { try archive.finish(removed: removed, at: location) }
    }
}
