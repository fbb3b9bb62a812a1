// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
package import OCIRuntimeSpec

/// A container that exists: its record, and what the kernel says of it now.
package struct Container: Sendable {
    package let store: StateStore
    package internal(set) var record: ContainerRecord

    /// Throws `container does not exist`.
    package init(_ id: String, in store: StateStore) throws {
        self.store = store
        record = try store.load(id)
    }

    init(_ record: ContainerRecord, in store: StateStore) {
        self.store = store
        self.record = record
    }

    package var id: String { record.id }

    /// Where the container is in its life, asked of the kernel.
    package func status() throws -> State.Status {
        if let creator = record.creator {
            // Without its creator the process, if there is one, ends: nobody would ever tell it to go on.
            return ProcStat.isAlive(creator.pid, startTime: creator.startTime) ? .creating : .stopped
        }
        guard record.pid > 0, ProcStat.isAlive(record.pid, startTime: record.processStartTime) else { return .stopped }
        // One that waits for `start` can be paused too: an execution would wait for its resumption.
        if try cgroup.exists && cgroup.isFrozen() { return .paused }
        return waitsForStart ? .created : .running
    }

    /// Whether the program has not been let loose yet.
    var waitsForStart: Bool { Syscall.exists(store.fifo(id)) }

    /// What `state` prints and hooks read.
    package func state() throws -> State { state(try status()) }

    func state(_ status: State.Status) -> State {
        State(
            ociVersion: record.ociVersion, id: record.id, status: status, pid: status == .stopped ? 0 : record.pid,
            bundle: record.bundle, annotations: record.annotations.isEmpty ? nil : record.annotations,
            rootfs: record.rootfs, created: record.created,
            owner: record.owner)
    }

    var cgroup: any CgroupDriver { record.cgroup.driver() }

    /// Whether the cgroup is still the one that was made for this container: its processes may be signalled only then.
    func ownsCgroup() throws -> Bool {
        guard let identity = record.cgroupIdentity else { return false }
        return try cgroup.identity() == identity
    }

    /// The container's process, certainly this one and alive; nil when it has ended.
    func findProcess() throws -> PidFD? {
        guard record.pid > 0 else { return nil }
        do throws(Errno) {
            let pidfd = try PidFD(record.pid)
            // Checked after opening: what the descriptor holds cannot be exchanged any more.
            guard ProcStat.isAlive(record.pid, startTime: record.processStartTime) else { return nil }
            return pidfd
        } catch .ESRCH {
            return nil
        } catch {
            throw SystemError("open", "process \(record.pid)", error)
        }
    }
}
