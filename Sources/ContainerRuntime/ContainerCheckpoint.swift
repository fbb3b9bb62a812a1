// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

extension Container {
    /// Writes the processes of a running container to image files, and ends them unless they shall go on. What they use
    /// outside of the container (bind mounts, joined namespaces, pipes of standard streams) is named in the images, and
    /// looked up by `restore`. Returns failures of poststop hooks.
    package func checkpoint(_ options: CriuOptions) throws -> [RuntimeError] {
        switch try status() {
        case .paused where waitsForStart: throw RuntimeError("Container cannot be checkpointed before its start")
        case .running, .paused: break
        case let status: throw RuntimeError("Container cannot be checkpointed in \(status.rawValue) state")
        }
        let directories = try CheckpointDirectories(options, create: true)
        let spec = try BundleConfiguration.parse(try store.loadConfiguration(id), "config.json")
        let plan = try ContainerPlan(spec: spec, bundle: record.bundle, host: .current())
        var options = options
        options.configurationFile = plan.annotations["org.criu.config"]
        let log = options.preDump ? "pre-dump.log" : "dump.log"
        var message = options.message(directories, log: log, root: record.rootfs)
        message.add(2, record.pid)
        message.add(3, options.leaveRunning || options.preDump)
        message.add(15, options.preDump || options.parentPath != nil)
        if !options.preDump { try describeSurroundings(plan, options, in: &message) }
        let session = try CriuSession(options, directories, log: log)
        _ = try session.run(options.preDump ? .preDump : .dump, message) { _ in }
        session.finish()
        if options.leaveRunning || options.preDump { return [] }
        return try delete(force: true)
    }

    private func describeSurroundings(
        _ plan: ContainerPlan, _ options: CriuOptions, in message: inout CriuMessage
    ) throws {
        if let path = freezer { message.add(44, path) }
        for mount in try ExternalMounts.ofContainer(plan, record.pid) {
            message.add(23, CriuOptions.externalMount(mount.key, mount.source))
        }
        for (kind, inode) in try joinedNamespaces(plan) {
            message.add(37, "\(kind.fileName)[\(inode)]:\(kind.criuName)")
        }
        try StreamNames.save(of: record.pid, in: options.imagePath)
    }

    /// The directory by which criu stops the processes.
    private var freezer: String? {
        record.cgroup.mode == .v2 ? record.cgroup.unified : record.cgroup.directory(controller: "freezer")
    }

    /// Namespaces of others that the container has joined, with their inodes. criu knows two kinds of these.
    private func joinedNamespaces(_ plan: ContainerPlan) throws -> [(LinuxNamespaceType, UInt64)] {
        try plan.namespaces.joined.filter { $0.kind == .network || $0.kind == .pid }.map { joined in
            let path = "/proc/\(record.pid)/ns/\(joined.kind.fileName)"
            let inode = try SystemError.attempt("stat", path) { () throws(Errno) in try Syscall.status(path).inode }
            return (joined.kind, inode)
        }
    }
}

extension LinuxNamespaceType {
    /// The name under which the images know a namespace of others; runc's, so that images can be exchanged.
    var criuName: String { self == .network ? "extRootNetNS" : "extRootPidNS" }
}

/// The directories of images and of logs, open.
struct CheckpointDirectories {
    let images: SharedFD
    let work: SharedFD

    init(_ options: CriuOptions, create: Bool) throws {
        images = try Self.open(options.imagePath, create: create)
        work = try Self.open(options.workPath, create: true)
    }

    private static func open(_ path: String, create: Bool) throws -> SharedFD {
        if create {
            try SystemError.attempt("create", path) { () throws(Errno) in
                try Syscall.makeDirectories(path, mode: 0o700)
            }
        }
        return try SystemError.attempt("open", path) { () throws(Errno) in
            SharedFD(try Syscall.open(path, [.readOnly, .directory]))
        }
    }
}

/// Mounts whose content lies outside of the container.
enum ExternalMounts {
    /// Where a mount is in the container, and what it is called in the images.
    struct Mount: Hashable {
        var key: String
        var source: String
    }

    /// For a dump: what of the plan is really mounted. Binds are called by their destination; files that are masked, by
    /// the null device that covers them.
    static func ofContainer(_ plan: ContainerPlan, _ pid: Int32) throws -> [Mount] {
        let mounted = try SystemError.attempt("read mounts of process", "\(pid)") { () throws(Errno) in
            try MountInfo.read(process: "\(pid)")
        }
        let points = Set(mounted.map(\.mountPoint))
        var mounts = plan.mounts.filter(\.isBind).map { Mount(key: $0.destination, source: $0.destination) }
        mounts += plan.devices.map { Mount(key: $0.path, source: $0.path) }
        mounts += mounted.filter { $0.type == "cgroup" }.map { Mount(key: $0.mountPoint, source: $0.mountPoint) }
        let types = Dictionary(mounted.map { ($0.mountPoint, $0.type) }, uniquingKeysWith: { $1 })
        for path in plan.maskedPaths where types[path] == "devtmpfs" {
            mounts.append(Mount(key: path, source: "/dev/null"))
        }
        return mounts.filter { points.contains($0.key) }
    }

    /// For a restore: names in the images, and where they are on the host.
    static func ofHost(_ plan: ContainerPlan, _ cgroup: CgroupLocation) -> [Mount] {
        var mounts: [Mount] = []
        for mount in plan.mounts {
            if case .bind(let source, _) = mount.content {
                mounts.append(Mount(key: mount.destination, source: source))
            }
            guard case .cgroup = mount.content, cgroup.mode != .v2 else { continue }
            for subtree in cgroup.subtrees {
                let name = subtree.mountPoint.split(separator: "/").last ?? ""
                mounts.append(Mount(key: "\(mount.destination)/\(name)", source: subtree.directory))
            }
        }
        mounts += plan.devices.map { Mount(key: $0.path, source: $0.path) }
        mounts.append(Mount(key: "/dev/null", source: "/dev/null"))
        return mounts
    }
}

/// What the first process's standard streams were, `descriptors.json` beside the images as in runc: pipes have to be
/// replaced by those of the restoring caller.
enum StreamNames {
    static func save(of pid: Int32, in directory: String) throws {
        let names = try (0...2).map { number in
            let path = "/proc/\(pid)/fd/\(number)"
            return try SystemError.attempt("read", path) { () throws(Errno) in
                // A stream that is closed has no name.
                do throws(Errno) { return try Syscall.readLink(path) } catch .ENOENT { return "" }
            }
        }
        let path = "\(directory)/descriptors.json"
        try SystemError.attempt("write", path) { () throws(Errno) in
            try AtomicFile.write(path, JSONText.encode(names), mode: 0o600)
        }
    }

    static func load(from directory: String) throws -> [String] {
        let path = "\(directory)/descriptors.json"
        let bytes = try SystemError.attempt("open", path) { () throws(Errno) in try Syscall.readFile(path) }
        do throws(PlanError) {
            return try JSONText.decode([String].self, bytes)
        } catch {
            throw RuntimeError("read \"\(path)\": \(error)")
        }
    }
}
