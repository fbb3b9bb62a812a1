// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// A namespace of somebody else, opened by its path.
struct JoinedNamespace: Sendable {
    var kind: LinuxNamespaceType
    var path: String
    var file: SharedFD
    /// It is the one that the runtime itself is in.
    var isOwn: Bool
    /// It is the runtime's or that of the system's first process.
    var belongsToHost: Bool

    init(_ kind: LinuxNamespaceType, _ path: String) throws {
        self.kind = kind
        self.path = path
        file = try SystemError.attempt("open \(kind.rawValue) namespace", path) { () throws(Errno) in
            SharedFD(try Syscall.open(path, .readOnly))
        }
        // Not comparable means not the same; joining tells what is wrong with the file.
        let status = try? file.descriptor.status()
        func belongs(to process: String) -> Bool {
            guard let status, let other = try? Syscall.status("/proc/\(process)/ns/\(kind.fileName)") else {
                return false
            }
            return other.inode == status.inode && other.device == status.device
        }
        isOwn = belongs(to: "self")
        belongsToHost = isOwn || belongs(to: "1")
    }

    func join() throws(SystemError) {
        // The kernel refuses to enter the user namespace that one is in already.
        if kind == .user, isOwn { return }
        try SystemError.attempt("join \(kind.rawValue) namespace", path) { () throws(Errno) in
            try Syscall.enterNamespace(file.rawValue, kind.flag)
        }
    }
}

/// How the process comes into its namespaces.
///
/// New ones are made with the process, in one clone3(2). Joined ones are entered by the process itself, except the PID
/// namespace, which only children enter: a successor is born in it at the end, see Successor. User namespaces need an
/// order: the namespaces of others are joined with the rights of the host, then the new ones are made as property of the
/// user namespace. A process with a successor makes them itself; a new PID namespace takes an intermediate process that
/// joins, and makes the final one as its sibling, so that the runtime is the parent in every case.
struct Isolation: Sendable {
    let created: NamespaceFlags
    /// The time namespace is made by the intermediate process, so that it belongs to the container's user namespace.
    let ownsTime: Bool
    let joined: [JoinedNamespace]

    init(_ plans: NamespacePlans, _ joined: [JoinedNamespace]) {
        // The cgroup namespace is made once the process is in its cgroup; processes are born into time namespaces.
        created = plans.created.subtracting([.cgroup, .time])
        ownsTime = plans[.time] == .create && plans.isPrivate(.user)
        self.joined = joined
    }

    /// The PID namespace of others that the successor is born in.
    var destination: JoinedNamespace? { joined.first { $0.kind == .pid && !$0.isOwn } }

    /// The new namespaces belong to another user namespace than the runtime's, and cannot be made with the process.
    private var areMadeInside: Bool {
        ownsTime || !joined.isEmpty && (created.contains(.user) || joined.contains { $0.kind == .user })
    }

    var needsIntermediate: Bool { areMadeInside && destination == nil }

    /// The ids of the new process are mapped by a user without rights on the host.
    var isMappedByUser: Bool { created.contains(.user) && Syscall.effectiveUserID != 0 }

    /// The flags of the first clone.
    var cloneFlags: NamespaceFlags { areMadeInside ? [] : created }

    /// With the rights that the caller has on each; what those do not allow, the rights in the user namespace may.
    private func join() throws(SystemError) {
        let joinsUser = joined.contains { $0.kind == .user }
        var owned: [JoinedNamespace] = []
        for namespace in joined where areMadeInside || namespace.kind != .pid {
            do throws(SystemError) {
                try namespace.join()
            } catch  where error.errno == .EPERM && joinsUser && namespace.kind != .user {
                owned.append(namespace)
            }
        }
        for namespace in owned { try namespace.join() }
    }

    /// In the new process: joins what is to be joined. Returns in the process that goes on, an intermediate one ends.
    consuming func enter(
        _ channel: borrowing InitEndpoint, _ offsets: LinuxTimeOffsets?, _ proc: HostProc
    ) throws {
        try SystemError.attempt("protect", "container init") { () throws(Errno) in
            try Syscall.setParentDeathSignal(.kill)
        }
        try join()
        guard areMadeInside else { return }
        if destination != nil {
            try SystemError.attempt("create", "namespaces") { () throws(Errno) in try Syscall.unshare(created) }
            if ownsTime { try TimeNamespace.create(offsets, proc) }
            return
        }
        if ownsTime {
            if created.contains(.user) {
                try SystemError.attempt("create", "user namespace") { () throws(Errno) in try Syscall.unshare(.user) }
            }
            try TimeNamespace.create(offsets, proc)
        }
        let child = try SystemError.attempt("create", "namespaces") { () throws(Errno) in
            try Syscall.clone(ownsTime ? created.subtracting(.user) : created, asSibling: true)
        }
        if let child {
            try channel.announceSpawned(child.pid)
            Syscall.exitNow(0)
        }
        try SystemError.attempt("protect", "container init") { () throws(Errno) in
            try Syscall.setParentDeathSignal(.kill)
        }
        try channel.waitUntilKnown()
    }

    /// From here on children are born in the PID namespace of others. Where user namespaces are in play that was possible
    /// early only; otherwise it comes after the hooks, whose processes are the host's.
    func approachDestination() throws(SystemError) {
        if !areMadeInside { try destination?.join() }
    }
}
