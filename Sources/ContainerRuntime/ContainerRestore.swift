// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

extension Container {
    /// Makes a container whose processes are those of image files.
    package static func restore(
        _ request: CreateRequest, _ options: CriuOptions, in store: StateStore
    ) throws -> CreatedContainer {
        let directories = try CheckpointDirectories(options, create: false)
        guard
            !(try SystemError.attempt(
                "read", options.imagePath,
                { () throws(Errno) in
                    try Syscall.entries(options.imagePath)
                })).isEmpty
        else { throw RuntimeError("no checkpoint in \"\(options.imagePath)\"") }
        let names = try StreamNames.load(from: options.imagePath)
        var creation = try ContainerCreation(request, in: store, host: .current())
        return try creation.orNothing { creation throws in
            try ContainerRestore(options: options, directories: directories, streamNames: names).run(&creation)
        }
    }
}

/// The way of a container from image files back to life.
struct ContainerRestore {
    let options: CriuOptions
    let directories: CheckpointDirectories
    let streamNames: [String]

    func run(_ creation: inout ContainerCreation) throws -> CreatedContainer {
        let driver = try creation.prepareCgroup()
        let plan = creation.plan
        let console = try creation.connectConsole()
        try makeMountPoints(plan)
        // criu makes the mount at this path the root of the container, so it must be one of its own.
        let root = creation.store.directory(creation.request.id) + "/criu-root"
        try SystemError.attempt("mount rootfs to", root) { () throws(Errno) in
            try Syscall.makeDirectory(root, mode: 0o700)
            let tree = try Syscall.openTree(plan.rootfs, clone: true, recursive: true)
            try Syscall.moveMount(tree.rawValue, to: root)
        }
        defer {
            // Busy or gone: the container has its own copy of the mount.
            try? Syscall.unmount(root, detach: true)
            try? Syscall.removeDirectory(root)
        }
        let joined = try plan.namespaces.joined.filter { $0.kind == .network || $0.kind == .pid }.map { joined in
            try SystemError.attempt("open namespace", joined.path) { () throws(Errno) in
                (joined.kind, SharedFD(try Syscall.open(joined.path, .readOnly)))
            }
        }
        let message = message(creation, root: root, joined: joined.map(\.0))
        let session = try CriuSession(options, directories, inherited: joined.map(\.1), log: "restore.log")
        // criu is still waiting for its request. What it starts is where it is.
        if driver.needsMember {
            try creation.establish(driver, member: session.pid)
        } else {
            try driver.add(session.pid)
        }
        var outcome = Outcome()
        do {
            _ = try session.run(.restore, message) { event in
                try handle(event, &creation, console, &outcome)
            }
        } catch {
            session.finish()
            throw error
        }
        session.finish()
        guard let process = outcome.process else { throw RuntimeError.initEnded }
        return CreatedContainer(
            container: Container(creation.record, in: creation.store), process: process, terminal: outcome.terminal,
            notifySocket: nil, warnings: [])
    }

    private struct Outcome {
        var process: SharedPidFD?
        var terminal: SharedFD?
    }

    private func message(
        _ creation: ContainerCreation, root: String, joined: [LinuxNamespaceType]
    ) -> CriuMessage {
        var options = options
        options.configurationFile = creation.plan.annotations["org.criu.config"]
        var message = options.message(directories, log: "restore.log", root: root)
        // The restored process becomes a child of this program, not of criu.
        message.add(26, true)
        for mount in ExternalMounts.ofHost(creation.plan, creation.record.cgroup) {
            message.add(23, CriuOptions.externalMount(mount.key, mount.source))
        }
        for (index, kind) in joined.enumerated() {
            message.add(27, CriuOptions.inherited(kind.criuName, CriuSession.firstInherited + Int32(index)))
        }
        // Pipes of the former caller are replaced by the streams of this one.
        for (number, name) in streamNames.enumerated() where name.hasPrefix("pipe:") {
            message.add(27, CriuOptions.inherited(name, Int32(number)))
        }
        for subtree in creation.record.cgroup.subtrees where options.cgroupMode != .ignore {
            var root = CriuMessage()
            if !subtree.controllers.isEmpty { root.add(1, subtree.controllers.joined(separator: ",")) }
            root.add(2, String(subtree.directory.dropFirst(subtree.mountPoint.count)))
            message.add(25, root)
        }
        return message
    }

    private func handle(
        _ event: CriuSession.Event, _ creation: inout ContainerCreation, _ console: SharedConsole?,
        _ outcome: inout Outcome
    ) throws {
        switch event.script {
        case "setup-namespaces":
            creation.record.pid = event.pid
            let state = Container(creation.record, in: creation.store).state(.creating)
            creation.hasRunHooks = true
            let hooks = creation.plan.hooks
            try HookRunner.run(hooks.prestart, .prestart, state, directory: creation.plan.bundle)
            try HookRunner.run(hooks.createRuntime, .createRuntime, state, directory: creation.plan.bundle)
        case "post-restore": outcome.process = try takeOver(event.pid, &creation)
        case "orphan-pts-master":
            guard let master = event.descriptors.first else { throw RuntimeError("criu sent no terminal") }
            if let console {
                try console.send("/dev/pts/0", master.rawValue)
            } else if creation.request.isForeground {
                try ForegroundSession.prepare(master)
                outcome.terminal = master
            }
        default: break
        }
    }

    /// Records the first process, which is about to go on.
    private func takeOver(_ pid: Int32, _ creation: inout ContainerCreation) throws -> SharedPidFD {
        let (process, startTime) = try SystemError.attempt("open process", "\(pid)") { () throws(Errno) in
            (SharedPidFD(try PidFD(pid)), try ProcStat(pid).startTime)
        }
        creation.record.pid = pid
        creation.record.processStartTime = startTime
        creation.record.creator = nil
        try creation.store.save(creation.record)
        creation.hasPidFile = true
        try creation.writePidFile(pid)
        return process
    }

    /// The images may come from another machine, whose rootfs had mount points that this one never saw. Those below a
    /// mount of the container are criu's.
    private func makeMountPoints(_ plan: ContainerPlan) throws {
        let root = try SystemError.attempt("open rootfs", plan.rootfs) { () throws(Errno) in
            SafeRoot(adopting: try Syscall.open(plan.rootfs, [.path, .directory]))
        }
        for (index, mount) in plan.mounts.enumerated() {
            let isInside = plan.mounts.prefix(index).contains { mount.destination.hasPrefix($0.destination + "/") }
            if isInside { continue }
            try SystemError.attempt("create mount point", mount.destination) { () throws(Errno) in
                if case .bind(let source, _) = mount.content, try !Syscall.status(source).isDirectory {
                    _ = try root.makeFile(mount.destination)
                } else {
                    _ = try root.makeDirectories(mount.destination)
                }
            }
        }
    }
}
