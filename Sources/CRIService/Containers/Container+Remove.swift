// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import CRIAPI
internal import GRDB
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI

extension Engine {
    /// Removes a container, running or not; one that is unknown is right.
    func removeContainer(_ id: String) async throws {
        guard let container = try table.findContainer(id) else { return }
        do { try await container.remove() } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "remove container", container.id)
        }
    }
}

extension Container {
    /// Takes the container away, whatever state it is in. A second request joins the first.
    func remove() async throws {
        let work = removing ?? Work { try await self.removeNow() }
        removing = work
        try await work.value
    }

    private func removeNow() async throws {
        do {
            try await begin(.remove)
            try await destroy()
        } catch {
            removing = nil
            throw error
        }
    }

    /// Undoes all that was made, in reverse order, and then the record of it. Each step may be repeated.
    private func destroy() async throws {
        try await stop(timeout: .zero)
        // A creation that failed may have left processes that no state tells of.
        await killCgroup()
        try await deleteInRuntime()
        try await forgetInMonitor()
        try await engine.images.removeRootfs(container: id)
        try await unmountImages()
        try await unmountCheckpoint()
        await notePlugins(.removeContainer, .goes)
        let (bundle, folder, driver) = (paths.bundle(id), paths.container(id), try cgroup())
        // Only a monitor or a daemon that was killed has left them.
        let sockets = [paths.consoleSocket(id), paths.seccompSocket(id)]
        notifier?.end()
        notifier = nil
        try await BlockingPool.run {
            try driver.delete()
            for socket in sockets {
                try SystemError.attempt("remove", socket) { () throws(Errno) in
                    do throws(Errno) { try Syscall.removeFile(socket) } catch .ENOENT {}
                }
            }
            for path in [bundle, folder] {
                try SystemError.attempt("remove", path) { () throws(Errno) in try Syscall.removeTree(path) }
            }
        }
        let (id, operation) = (id, operationName)
        try await engine.records.write { db in
            _ = try ContainerRecord.deleteOne(db, key: id)
            _ = try OperationRecord.deleteOne(db, key: operation)
        }
        let wasVisible = engine.table.isVisible(id)
        engine.table.remove(self)
        engine.rates.forget(id)
        engine.layers.forget(id)
        engine.metrics.forget(name)
        await pod.forget(self)
        if wasVisible { engine.events.post(.containerDeletedEvent, id, of: pod) }
        await engine.creations.forget("container/\(name)")
    }

    /// `runtime delete --force`, which takes an unknown container for a removed one. A command of a daemon that was killed
    /// may still be at work on the container; then both may fail on what the other has removed, and it has to be done once
    /// more.
    private func deleteInRuntime() async throws {
        guard Syscall.exists(paths.spec(id)) else { return }
        let (delete, state) = (handler.delete(id, paths), handler.state(id, paths))
        let patience = ContinuousClock.now + .seconds(10)
        while true {
            let output = try await BlockingPool.run { try delete.run() }
            if output.status.isSuccess { return }
            let said = RuntimeLog.lastError(paths.runtimeLog(id)) ?? output.errorText
            // Some runtimes say so even when they are told to force it; what was removed under their hands sounds the same.
            let mayBeGone = said.contains("does not exist") || said.contains("no such")
            if mayBeGone, try await BlockingPool.run({ try state.run() }).status.isSuccess == false { return }
            guard mayBeGone, ContinuousClock.now < patience else {
                throw ServiceError(.failed, "\(handler.name) delete", id, said)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func forgetInMonitor() async throws {
        guard let link = await pod.link else { return }
        do {
            _ = try await link.request(.forget(container: id), within: MonitorLink.patience)
        } catch {
            // It never knew the container, or it is gone itself.
            engine.log.debug("forget container \"\(id)\": \(error)")
        }
    }
}
