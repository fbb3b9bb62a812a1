// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// What happens to the mounts of a running container. See the command `mounts` of crun(1).
package enum MountChange: Sendable { case add, remove }

extension Container {
    /// Adds the mounts of the file, a JSON array as `mounts` of a configuration, or removes what is mounted at their
    /// destinations. When one cannot be added, none is.
    package func changeMounts(_ change: MountChange, _ path: String) throws {
        switch try status() {
        case .created, .running, .paused: break
        case .creating, .stopped: throw RuntimeError.notRunning
        }
        guard let process = try findProcess() else { throw RuntimeError.notRunning }
        let bytes = try SystemError.attempt("read", path) { () throws(Errno) in try Syscall.readFile(path) }
        let mounts: [Mount]
        do throws(PlanError) {
            mounts = try JSONText.decode([Mount].self, bytes)
        } catch {
            throw PlanError("read \"\(path)\": \(error)")
        }
        try LiveMounts(self, mounts, SharedPidFD(process)).carryOut(change)
    }
}

/// Mounts that come to a running container, or leave it. A process of the runtime enters the container's mount and user
/// namespaces, not that of its processes, where it would be seen.
struct LiveMounts {
    let container: Container
    let plan: ContainerPlan
    let namespaces: ForeignNamespaces
    /// What a procfs shows; nil for the runtime's own.
    let processes: JoinedNamespace?

    init(_ container: Container, _ mounts: [Mount], _ process: SharedPidFD) throws {
        self.container = container
        let configuration = try container.store.loadConfiguration(container.id)
        var spec = try BundleConfiguration.parse(configuration, "config.json")
        spec.mounts = mounts
        var plan = try ContainerPlan(spec: spec, bundle: container.record.bundle, host: .current())
        plan.rootfs = ""
        for mount in plan.mounts {
            guard let refused = Self.refused(mount) else { continue }
            throw PlanError("mount \"\(mount.destination)\": \(refused) in a running container is not supported")
        }
        self.plan = plan
        let all = try ForeignNamespaces(of: container.record.pid, process)
        namespaces = ForeignNamespaces(all, only: [.mount, .user])
        processes = all.flags.contains(.pid) ? try JoinedNamespace(.pid, "/proc/\(container.record.pid)/ns/pid") : nil
    }

    private static func refused(_ mount: MountPlan) -> String? {
        if case .cgroup = mount.content { return "cgroup" }
        if mount.options.flags.contains(.remount) { return "remount" }
        if mount.options.handling.contains(.copyUp) { return "tmpcopyup" }
        return mount.options.handling.contains(.copySymlink) ? "copy-symlink" : nil
    }

    func carryOut(_ change: MountChange) throws {
        let sources = change == .add ? try openSources() : plan.mounts.map { _ in nil }
        let process = try InitProcess.spawn(handsTerminal: false) { channel, _ in
            do {
                try namespaces.enter()
                try becomeRootInside()
                Syscall.setCreationMask(0)
                switch change {
                case .add: try add(sources)
                case .remove: try plan.mounts.reversed().forEach(remove)
                }
                Syscall.exitNow(0)
            } catch {
                channel.report(InitFailure(error))
                Syscall.exitNow(1)
            }
        }
        do {
            try process.channel.waitForExecution()
        } catch {
            process.kill()
            throw error
        }
        let ending = try SystemError.attempt("reap", "process") { () throws(Errno) in try process.pidfd.reap() }
        guard ending.isSuccess else { throw RuntimeError("changing mounts ended unexpectedly: \(ending)") }
    }

    private func openSources() throws -> [SharedFD?] {
        let proc = try HostProc()
        var maps = IDMapNamespaces(proc)
        return try plan.mounts.map { mount in
            guard case .bind(let source, let recursive) = mount.content else { return nil }
            let tree = try mount.openSource(source, recursive: recursive)
            switch mount.idMap?.mapping {
            case .own(let users, let groups):
                try mount.mapIDs(of: tree.rawValue, source, to: try maps.namespace(users, groups).rawValue)
            case .container, .text:
                let namespace = try proc.userNamespace(of: container.record.pid)
                try mount.mapIDs(of: tree.rawValue, source, to: namespace.rawValue)
            case nil: break
            }
            return SharedFD(tree)
        }
    }

    private func becomeRootInside() throws {
        guard namespaces.flags.contains(.user) else { return }
        try SystemError.attempt("become", "root of the user namespace") { () throws(Errno) in
            try Syscall.setGroup(0)
            try Syscall.setUser(0)
            try Syscall.setDumpable(false)
        }
    }

    private func add(_ sources: [SharedFD?]) throws {
        var builder = try RootfsBuilder(inside: plan, cgroup: container.record.cgroup, openedSources: sources)
        builder.processes = processes
        var done: [MountPlan] = []
        do {
            for index in plan.mounts.indices {
                try builder.mount(index)
                done.append(plan.mounts[index])
            }
            try builder.seal()
        } catch {
            // The first failure is the one to tell.
            for mount in done.reversed() { try? remove(mount) }
            throw error
        }
    }

    /// The path leads through nothing but the container's own root.
    private func remove(_ mount: MountPlan) throws {
        do throws(Errno) {
            try Syscall.unmount(mount.destination, detach: true)
        } catch .EINVAL {
            throw RuntimeError("unmount \"\(mount.destination)\": nothing is mounted there")
        } catch {
            throw SystemError("unmount", mount.destination, error)
        }
    }
}
