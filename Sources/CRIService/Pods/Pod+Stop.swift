// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import Cgroups
internal import CRIAPI
internal import EngineConfiguration
internal import GRDB
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import NRI
internal import NRIAPI
internal import Synchronization

extension Engine {
    /// Stops a pod; one that is unknown or stopped is right.
    func stopPod(_ id: String) async throws {
        guard let pod = try table.findPod(id) else { return }
        do { try await pod.stop() } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "stop pod", pod.id)
        }
    }

    /// Removes a pod and its containers, running or not; one that is unknown is right.
    func removePod(_ id: String) async throws {
        guard let pod = try table.findPod(id) else { return }
        do { try await pod.remove() } catch let error as CancellationError { throw error } catch {
            throw ServiceError.wrap(error, "remove pod", pod.id)
        }
    }
}

extension Engine {
    /// Removes the cgroup of all pods if it is empty; it is made again with the next one.
    fileprivate func removeCgroupParent() {
        guard let parent = try? cgroups.driver(cgroupNaming.parent) else { return }
        guard cgroupNaming.driver == .cgroupfs else {
            // A slice that is stopped takes all that is in it along.
            if (try? parent.hasChildren()) == false { try? parent.delete() }
            return
        }
        for subtree in parent.location.subtrees where subtree.directory != subtree.mountPoint {
            // Another pod is in it, or somebody else's process.
            try? Syscall.removeDirectory(subtree.directory)
        }
    }
}

extension Pod {
    /// Ends the containers, leaves the network, and gives back the namespaces. A second request joins the first.
    func stop() async throws {
        isStopping = true
        let work = stopping ?? Work { try await self.stopNow() }
        stopping = work
        try await work.value
    }

    private func stopNow() async throws {
        // Whatever happens, the next request begins anew.
        defer { stopping = nil }
        if record.state == .ready {
            try await begin(.stop)
        }
        try await requireAnswer()
        try await endEverything()
        let wasReady = record.state == .ready
        record.state = record.state == .creating ? .creating : .stopped
        record.revision += 1
        let (record, operation) = (record, operationName)
        try await engine.records.note { db in
            try record.updateIfNewer(db)
            // A creation or a removal goes on after this.
            try db.execute(
                sql: "DELETE FROM operations WHERE name = ? AND kind = ?",
                arguments: [operation, OperationRecord.Kind.stop.rawValue])
        }
        if wasReady { engine.events.post(.containerStoppedEvent, id, of: self) }
    }

    /// Containers, network, monitor with namespaces, /dev/shm: each step may be repeated. The network is left also
    /// when a container does not end; the first failure is thrown.
    private func endEverything() async throws {
        var failure: (any Error)?
        do {
            try await endContainers()
            await notePlugins(.stopPodSandbox, .ends)
        } catch { failure = error }
        do { try await leaveNetwork() } catch { failure = failure ?? error }
        if let failure { throw failure }
        try await endMonitor()
        try await clearMounts()
    }

    private func endContainers() async throws {
        let containers = Array(containers.values)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for container in containers { group.addTask { try await container.stop(timeout: .zero) } }
            try await group.waitForAll()
        }
    }

    /// DEL for everything on record; the record goes when the plugins have acknowledged. A second request joins the
    /// first.
    func leaveNetwork() async throws {
        let work = leaving ?? Work { try await self.leaveNetworkNow() }
        leaving = work
        try await work.value
    }

    private func leaveNetworkNow() async throws {
        defer { leaving = nil }
        let id = id
        let attachments = try await engine.records.read { db in
            try AttachmentRecord.filter(Column("pod") == id).fetchAll(db)
        }
        for attachment in attachments {
            let exists = Syscall.exists(attachment.namespace)
            try await engine.networks.leave(
                attachment.network, Networks.attachment(pod: id, config, namespace: exists ? attachment.namespace : ""))
            try await engine.records.note { _ = try attachment.delete($0) }
        }
    }

    /// A monitor that does not answer, for it waits for a disk, can be asked for nothing: it is killed. So are the containers,
    /// which nobody watches then; that is what was asked for.
    private func requireAnswer() async throws {
        guard monitorIsAlive, !endsMonitor else { return }
        do {
            if let link {
                _ = try await link.request(.list, within: MonitorLink.patience)
            } else {
                try await meetLivingMonitor()
            }
        } catch  where monitorIsAlive {
            engine.log.error("pod \"\(id)\": \(error); it is killed")
            endsMonitor = true
            let silent = link
            link = nil
            // What waits for it has failed.
            silent?.close()
            await lose()
            try await killMonitor()
        } catch {
            // It is gone, and so are its containers.
        }
    }

    private func endMonitor() async throws {
        endsMonitor = true
        if let link {
            do {
                _ = try await link.request(.shutdown, within: Self.shutdownPatience)
            } catch  where !monitorIsAlive {
                // It was faster than its answer.
            } catch let error as ServiceError where error.code == .deadline {
                try await killMonitor()
            }
        }
        if monitorIsAlive {
            // A monitor that could not be reached, or that just said it would end.
            if link == nil { try await killMonitor() }
            _ = try await monitor?.ended.value
        }
        link?.close()
        link = nil
        record.monitorPID = nil
        record.monitorStart = nil
    }

    /// Longer than a monitor takes to give up.
    private static let shutdownPatience = Duration.seconds(20)

    private func killMonitor() async throws {
        guard let pid = record.monitorPID, let start = record.monitorStart else { return }
        try await BlockingPool.run {
            try SystemError.attempt("kill monitor", "\(pid)") { () throws(Errno) in
                try Self.kill(pid, startTime: UInt64(start))
            }
        }
    }

    private static func kill(_ pid: Int32, startTime: UInt64) throws(Errno) {
        do throws(Errno) {
            let pidfd = try PidFD(pid)
            // The number may have got a new owner between the two looks.
            guard ProcStat.isAlive(pid, startTime: startTime) else { return }
            try pidfd.send(.kill)
            guard try pidfd.waitForEnd(milliseconds: 30_000) else { throw .ETIMEDOUT }
        } catch .ESRCH {
            return
        }
    }

    /// What the monitor leaves when it is killed: pinned namespaces; and what is ours: /dev/shm, logs in a volume.
    private func clearMounts() async throws {
        let (namespaces, shm) = (paths.namespaces(id), paths.shm(id))
        let linked = LinkedLogs(mounted: config, kubelet: engine.config.runtime.kubeletDir)
        try await BlockingPool.run {
            try linked?.unmount()
            try SystemError.attempt("unmount", shm) { () throws(Errno) in try Syscall.unmountAll(shm) }
            try SystemError.attempt("unpin namespaces", namespaces) { () throws(Errno) in
                try Self.unpin(namespaces)
            }
        }
    }

    /// A monitor that the record does not tell of, for the daemon before died as it started it, may pin some meanwhile; once
    /// the folder is gone it cannot.
    private static func unpin(_ folder: String) throws(Errno) {
        for _ in 0..<8 {
            do throws(Errno) {
                for name in try Syscall.entries(folder) { try Syscall.unmountAll("\(folder)/\(name)") }
                return try Syscall.removeTree(folder)
            } catch .ENOENT {
                return
            } catch .EBUSY {
                continue
            }
        }
        throw .EBUSY
    }

    /// Takes the pod away, whatever state it is in. A second request joins the first.
    func remove() async throws {
        let work = removing ?? Work { try await self.removeNow() }
        removing = work
        try await work.value
    }

    private func removeNow() async throws {
        do {
            isStopping = true
            try await begin(.remove)
            try await destroy()
        } catch {
            removing = nil
            throw error
        }
    }

    /// Undoes all that was made, in reverse order, and then the record of it.
    private func destroy() async throws {
        try await stop()
        for container in containers.values { try await container.remove() }
        try await removeFolders()
        await notePlugins(.removePodSandbox, .goes)
        let (id, operation) = (id, operationName)
        try await engine.records.write { db in
            _ = try PodRecord.deleteOne(db, key: id)
            _ = try OperationRecord.deleteOne(db, key: operation)
        }
        let wasVisible = engine.table.isVisible(self.id)
        engine.table.remove(self)
        engine.rates.forget(self.id)
        if wasVisible { engine.events.post(.containerDeletedEvent, self.id, of: self) }
        await engine.creations.forget("pod/\(name)")
    }

    private func removeFolders() async throws {
        let (folders, ownsCgroup) = ([paths.pod(id), logFolder], plan.cgroup.isOwn)
        let (pod, monitor) = (try cgroup(), try monitorCgroup())
        try await BlockingPool.run { [engine] in
            // First, for a monitor that the record does not tell of makes the folder.
            if monitor.exists { try monitor.kill() }
            try monitor.delete()
            for folder in folders {
                try SystemError.attempt("remove", folder) { () throws(Errno) in try Syscall.removeTree(folder) }
            }
            guard ownsCgroup else { return }
            try engine.cgroupParentLock.withLock { _ in
                try pod.delete()
                engine.removeCgroupParent()
            }
        }
    }

    /// Undoes a pod that did not become ready; what cannot be undone now is tried again later.
    func undo() async {
        do {
            try await remove()
        } catch {
            engine.repeatUntilDone("undo pod \"\(id)\"") { try await self.remove() }
        }
    }
}
