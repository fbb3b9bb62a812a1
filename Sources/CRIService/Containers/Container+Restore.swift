// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import ImageStore
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import Traces

extension Container {
    /// The name of the store for the mount of an image with the container's checkpoint.
    private var checkpointName: String { "\(id)-checkpoint" }

    /// Unpacks or mounts a checkpoint, and makes the changes of its container in the new root file system.
    func unpack(_ checkpoint: Checkpoint) async throws -> CheckpointParts {
        let parts = try await parts(of: checkpoint)
        let removed = try await BlockingPool.run { try parts.removed() }
        try await engine.images.restoreChanges(
            of: id, from: parts.changes, removing: removed, checkpoint: checkpoint.subject)
        return parts
    }

    private func parts(of checkpoint: Checkpoint) async throws -> CheckpointParts {
        let folder = paths.restore(id)
        switch checkpoint {
        case .archive(let archive):
            return try await BlockingPool.run {
                let parts = try archive.unpack(to: folder)
                // Whoever may write to the archive could have changed it since it was looked at.
                try parts.check()
                return parts
            }
        case .image(let image):
            let root = try await engine.images.mountRootfs(
                container: checkpointName, image: image.id, options: RootfsOptions(isReadOnly: true))
            return try await BlockingPool.run {
                try SystemError.attempt("make directory", folder) { () throws(Errno) in
                    try Syscall.makeDirectories(folder, mode: 0o700)
                }
                let parts = CheckpointParts(folder: root, subject: checkpoint.subject)
                try parts.check()
                return parts
            }
        }
    }

    /// Unmounts the image with the container's checkpoint, if it is of one. May be repeated.
    func unmountCheckpoint() async throws {
        // Until it is unmounted, the store has such a folder.
        guard Syscall.exists(paths.container(checkpointName)) else { return }
        try await engine.images.removeRootfs(container: checkpointName)
        let folder = paths.bundle(checkpointName)
        try await BlockingPool.run {
            try SystemError.attempt("remove", folder) { () throws(Errno) in try Syscall.removeTree(folder) }
        }
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
        let mount = paths.rootfs(checkpointName)
        let images = "\(Syscall.exists(mount) ? mount : paths.restore(id))/checkpoint"
        let process = try await traced("\(handler.name) restore") {
            try await createProcess(handler.restore(id, paths, images: images, console: console), "restore")
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
            try await unmountCheckpoint()
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
