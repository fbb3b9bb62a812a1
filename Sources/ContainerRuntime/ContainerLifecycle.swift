// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
package import Linux
internal import OCIRuntimeSpec

extension Container {
    /// Makes a container from a bundle. On failure nothing of it is left.
    package static func create(_ request: CreateRequest, in store: StateStore) throws -> CreatedContainer {
        var creation = try ContainerCreation(request, in: store, host: .current())
        return try creation.run()
    }

    /// Lets the process of a created container execute its program. Of two that start at once, one fails.
    ///
    /// With a socket of the service manager, returns when the program has said that it is ready.
    package func start(notifying manager: String? = nil) throws {
        switch try status() {
        case .created: break
        case .stopped: throw RuntimeError("cannot start a container that has stopped")
        case .creating: throw RuntimeError("cannot start a container that is being created")
        case .paused where waitsForStart: throw RuntimeError("cannot start a paused container: resume it first")
        case .running, .paused: throw RuntimeError("cannot start an already running container")
        }
        let notifySocket = try makeNotifySocket(manager)
        let path = store.fifo(id)
        do throws(Errno) {
            // Nonblocking: with nobody at the other end this fails instead of waiting.
            let fifo = try Syscall.open(path, [.writeOnly, .nonblocking])
            try Syscall.removeFile(path)
            try fifo.writeAll([1])
            // Poststart hooks come when the program runs: then the process has let go of its end. So it has when it ended.
            if record.poststart?.isEmpty == false { _ = try Syscall.poll(fifo.rawValue, for: [], milliseconds: -1) }
        } catch .ENOENT {
            throw RuntimeError("cannot start an already running container")
        } catch .ENXIO {
            throw RuntimeError("cannot start a container that has stopped")
        } catch {
            throw SystemError("start through", path, error)
        }
        try runPoststartHooks()
        if let notifySocket, let process = try findProcess() {
            try notifySocket.relay(SharedPidFD(process), pid: record.pid)
        }
    }

    /// Only for a container whose program was told of it.
    private func makeNotifySocket(_ manager: String?) throws -> NotifySocket? {
        guard let manager, Syscall.exists(store.notifyDirectory(id)) else { return nil }
        return try NotifySocket(manager, in: store.notifyDirectory(id))
    }

    /// A failing hook ends the container, runtime-spec "poststart".
    private func runPoststartHooks() throws {
        do {
            try HookRunner.run(record.poststart, .poststart, state(.running), directory: record.bundle)
        } catch {
            // The hook's failure is the one to tell.
            try? kill(.kill, all: true)
            throw error
        }
    }

    /// Sends a signal to the container's process, or to all processes.
    package func kill(_ signal: Signal, all: Bool) throws {
        if all {
            if try ownsCgroup() { try cgroup.signalAll(signal) }
            return
        }
        guard let process = try findProcess() else { throw RuntimeError.notRunning }
        // Where no PID namespace ends the others with the first process, SIGKILL means all of them.
        if signal == .kill, !record.hasPIDNamespace { try cgroup.signalAll(signal) }
        do throws(Errno) {
            try process.send(signal)
        } catch .ESRCH {
            throw RuntimeError.notRunning
        } catch {
            throw SystemError("signal process", "\(record.pid)", error)
        }
        // A frozen process does not die of the signal before it is thawed.
        if signal == .kill, cgroup.exists, try cgroup.isFrozen() { try cgroup.thaw() }
    }

    /// Removes what is left of the container. Only a stopped or never started one, unless forced. Returns the failures
    /// of poststop hooks, which the specification wants to be logged and nothing more.
    @discardableResult
    package func delete(force: Bool) throws -> [RuntimeError] {
        let status = try status()
        if !force, status != .stopped, status != .created {
            throw RuntimeError("cannot delete container \(id) that is not stopped: \(status.rawValue)")
        }
        try endProcess()
        try removeCgroup()
        try record.resctrl?.remove()
        try store.remove(id)
        return HookRunner.runAll(record.poststop, .poststop, state(.stopped))
    }

    /// Ends what the first process has left behind where no PID namespace ended it, and removes the cgroup. One that is
    /// not the container's any more stays as it is.
    private func removeCgroup() throws {
        guard try ownsCgroup() else {
            // A runtime that was killed early may have made some of the directories, and a process in them that is about
            // to notice. Nobody is killed here: it may be a stranger's cgroup that the runtime was about to refuse.
            if record.cgroupIdentity == nil {
                try? cgroup.delete()
            } else if record.cgroup.scope != nil, !cgroup.exists {
                // systemd removes an empty cgroup by itself, but remembers a scope that failed.
                try? cgroup.delete(milliseconds: 0)
            }
            return
        }
        if !record.hasPIDNamespace { try cgroup.kill() }
        try cgroup.delete()
    }

    /// Kills the process and waits until it has ended; whose child it is does not matter.
    private func endProcess() throws {
        guard let process = try findProcess() else { return }
        do throws(Errno) { try process.send(.kill) } catch .ESRCH {} catch {
            throw SystemError("signal process", "\(record.pid)", error)
        }
        if cgroup.exists, try cgroup.isFrozen() { try cgroup.thaw() }
        let ended = try SystemError.attempt("wait for process", "\(record.pid)") { () throws(Errno) in
            try process.waitForEnd(milliseconds: 10_000)
        }
        guard ended else { throw RuntimeError("container init \(record.pid) still running after SIGKILL") }
    }

    /// Stops all processes until `resume`.
    package func pause() throws {
        switch try status() {
        case .running, .created: try cgroup.freeze()
        case .paused: throw RuntimeError("container not running: it is paused already")
        case .creating, .stopped: throw RuntimeError("container not running")
        }
    }

    /// Lets paused processes go on.
    package func resume() throws {
        guard try status() == .paused else { throw RuntimeError("container not paused") }
        try cgroup.thaw()
    }

    /// The pids of the container's processes as the runtime sees them.
    package func processes() throws -> [Int32] {
        // Without a cgroup only the first one is known.
        if record.cgroup.subtrees.isEmpty { return try findProcess() == nil ? [] : [record.pid] }
        return try cgroup.processes().sorted()
    }

    /// Removes a container whose record cannot be read or that is not there at all; for `delete --force`.
    package static func deleteForced(_ id: String, in store: StateStore) throws -> [RuntimeError] {
        try StateStore.checkID(id)
        let container: Container
        do {
            container = try Container(id, in: store)
        } catch let error as RuntimeError where error == .doesNotExist {
            // A runtime that was killed at its very start leaves an empty directory.
            try store.remove(id)
            return []
        } catch {
            try removeUnrecordedCgroup(id, in: store)
            try store.remove(id)
            return []
        }
        return try container.delete(force: true)
    }

    /// Without a record the configuration still tells where the processes are.
    private static func removeUnrecordedCgroup(_ id: String, in store: StateStore) throws {
        guard let bytes = try? store.loadConfiguration(id),
            let spec = try? BundleConfiguration.parse(bytes, "config.json")
        else { return }
        // The form of the path tells who made the cgroup.
        let manager: CgroupManager = spec.linux?.cgroupsPath?.contains(":") == true ? .systemd : .cgroupfs
        let location = try manager.location(spec.linux?.cgroupsPath, id)
        guard store.owner(of: location, besides: id) == nil else { return }
        let driver = location.driver()
        if driver.exists { try driver.kill() }
        try driver.delete()
    }
}
