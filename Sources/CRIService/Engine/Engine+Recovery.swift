// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import CRIAPI
internal import GRDB
internal import Linux
internal import Logging
internal import MonitorProtocol

extension Engine {
    /// Finds again what the daemon before left: running pods go on untouched, what it was making is undone, what it was
    /// removing is removed.
    func recover() async throws {
        let (pods, containers, operations) = try await records.read { db in
            (try PodRecord.fetchAll(db), try ContainerRecord.fetchAll(db), try OperationRecord.fetchAll(db))
        }
        do { try networks.runtime.cleanRecords() } catch { log.warning("\(error)") }
        let begun = Dictionary(operations.map { ($0.name, $0.kind) }) { $1 }
        for record in pods {
            let pod = try Pod(engine: self, record: record)
            table.add(pod, visible: record.state != .creating)
            for row in containers where row.pod == record.id {
                let container = try Container(pod: pod, engine: self, record: row)
                await pod.adopt(container)
                table.add(container, visible: row.state != .creating)
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for pod in table.allPods { group.addTask { await pod.recover(begun) } }
        }
        try await removeOrphans(Set(containers.map(\.id)))
        await collectNetworkGarbage()
        log.info("found \(table.pods.count) pods and \(table.containers.count) containers")
    }

    /// Addresses and rules that are held for pods that are no more. What plugins can find themselves is asked for before
    /// the first new pod, so that none is taken for garbage; what is on record is detached in the background.
    private func collectNetworkGarbage() async {
        do {
            let rows = try await records.read { try AttachmentRecord.fetchAll($0) }
            let valid = rows.map { Networks.attachment(pod: $0.pod, CRI.PodConfig(), namespace: $0.namespace) }
            let pods = Set(valid.map(\.containerID))
            for stale in try networks.runtime.attachments() where !pods.contains(stale.containerID) {
                repeatUntilDone("detach pod \"\(stale.containerID)\"") {
                    try await self.networks.runtime.delete(stale)
                }
            }
            // Without a network there is nothing to ask.
            guard let network = try? networks.current() else { return }
            try await networks.runtime.collectGarbage(of: network, valid: valid)
        } catch {
            log.warning("collect garbage of networks: \(error)")
        }
    }

    /// Root file systems and attachments whose owners have no record any more.
    private func removeOrphans(_ known: Set<String>) async throws {
        for id in try await images.rootfsContainers() where !known.contains(Container.owner(ofRootfs: id)) {
            try await images.removeRootfs(container: id)
        }
        let attachments = try await records.read { db in
            try AttachmentRecord.fetchAll(db, sql: "SELECT * FROM attachments WHERE pod NOT IN (SELECT id FROM pods)")
        }
        for attachment in attachments {
            repeatUntilDone("detach pod \"\(attachment.pod)\"") {
                let place = Networks.attachment(
                    pod: attachment.pod, CRI.PodConfig(),
                    namespace: Syscall.exists(attachment.namespace) ? attachment.namespace : "")
                try await self.networks.leave(attachment.network, place)
                try await self.records.note { _ = try attachment.delete($0) }
            }
        }
    }
}

extension Pod {
    /// Meets the monitor again, or finds that it is gone; then finishes what was begun.
    func recover(_ begun: [String: OperationRecord.Kind]) async {
        if await meetMonitor() { return await finish(begun) }
        // It may wait for a disk. Its containers go on meanwhile; what was begun has to wait, and the other pods do not.
        engine.repeatUntilDone("meet monitor of pod \"\(id)\"") {
            try await self.meetLivingMonitor()
            if await self.link != nil { try await self.waitUntilCreated() }
            await self.finish(begun)
        }
    }

    private func finish(_ begun: [String: OperationRecord.Kind]) async {
        for container in containers.values {
            switch begun[container.operationName] {
            case .create, .remove: await container.undo()
            case .checkpoint: engine.repeatUntilDone("end checkpoint") { try await container.endCheckpoint() }
            case .run, .stop, nil: break
            }
        }
        switch begun[operationName] {
        case .run, .remove: await undo()
        case .stop:
            do { try await stop() } catch { engine.log.warning("stop pod \"\(id)\": \(error)") }
        case .create, .checkpoint, nil: break
        }
    }

    /// False when it lives and does not answer.
    private func meetMonitor() async -> Bool {
        if let pid = record.monitorPID, let start = record.monitorStart,
            ProcStat.isAlive(pid, startTime: UInt64(start)), let pidfd = try? PidFD(pid),
            // The number may have got a new owner between the two looks.
            ProcStat.isAlive(pid, startTime: UInt64(start))
        {
            watchMonitor(SharedPidFD(pidfd), isChild: false)
            do {
                try await connect()
                try await waitUntilCreated()
                try await synchronise()
                return true
            } catch let error as ServiceError where error.code == .deadline {
                engine.log.error("pod \"\(id)\": \(error)")
                return false
            } catch {
                engine.log.error("pod \"\(id)\": \(error)")
            }
        }
        if record.state == .ready || record.state == .creating, link == nil { await lose() }
        return true
    }

    /// A `runtime create` that the daemon before had asked for may still run; its end has to be waited for before it
    /// can be undone.
    private func waitUntilCreated() async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            guard case .containers(let list) = try await monitorLink().request(.list, within: MonitorLink.patience)
            else { return }
            if !list.contains(where: { $0.state == .creating }) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
