// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

extension ContainerCreation {
    /// Sources of bind mounts that are opened here, with the host's rights: a user namespace's root may not enter every
    /// directory of the host, and an ID mapping is the business of the file system's owner. The others are opened in
    /// the order of the mounts, so that they may lie in what was mounted before.
    func openSources(_ joined: [JoinedNamespace], _ proc: HostProc) throws -> [SharedFD?] {
        var namespaces = IDMapNamespaces(proc)
        return try plan.mounts.map { mount in
            guard case .bind(let source, let recursive) = mount.content, isOpenedOutside(mount, source) else {
                return nil
            }
            let tree = try mount.openSource(source, recursive: recursive)
            switch mount.idMap?.mapping {
            case .own(let users, let groups):
                let namespace = try namespaces.namespace(users, groups)
                try mount.mapIDs(of: tree.rawValue, source, to: namespace.rawValue)
            case .container, .text:
                // A namespace that is made with the container is not there yet.
                if let user = joined.first(where: { $0.kind == .user }) {
                    try mount.mapIDs(of: tree.rawValue, source, to: user.file.rawValue)
                }
            case nil: break
            }
            return SharedFD(tree)
        }
    }

    private func isOpenedOutside(_ mount: MountPlan, _ source: String) -> Bool {
        if mount.idMap != nil { return true }
        // The own rights of others than root do not change with the namespace.
        return Syscall.effectiveUserID == 0 && plan.hasUserNamespace && !LexicalPath.isWithin(source, plan.rootfs)
            && !mount.options.handling.contains(.copySymlink)
    }

    /// The process holds the same mounts, so it sees the mapping too. After the mappings of its namespace are written.
    func mapSourcesToContainer(_ sources: [SharedFD?], _ pid: Int32, _ proc: HostProc) throws {
        guard plan.namespaces[.user] == .create, plan.mounts.contains(where: { $0.idMap?.mapping == .container }) else {
            return
        }
        let namespace = try proc.userNamespace(of: pid)
        for (mount, tree) in zip(plan.mounts, sources) {
            guard let tree, mount.idMap?.mapping == .container, case .bind(let source, _) = mount.content else {
                continue
            }
            try mount.mapIDs(of: tree.rawValue, source, to: namespace.rawValue)
        }
    }
}

extension MountPlan {
    /// The source of a bind mount, detached from where it is on the host.
    func openSource(_ source: String, recursive: Bool) throws(SystemError) -> OwnedFD {
        try SystemError.attempt("bind mount", source) { () throws(Errno) in
            let follow = !options.handling.contains(.sourceNoFollow)
            let tree = try Syscall.openTree(source, clone: true, recursive: recursive, follow: follow)
            try Syscall.setMountAttributes("", at: tree.rawValue, propagation: .slave, recursive: recursive)
            return tree
        }
    }

    /// Shows the files of a detached mount under other ids.
    func mapIDs(of tree: Int32, _ source: String, to namespace: Int32) throws {
        do throws(Errno) {
            try Syscall.setMountAttributes(
                "", at: tree, set: .idMapped, recursive: idMap?.isRecursive ?? false, userNamespace: namespace)
        } catch .EINVAL {
            throw RuntimeError(
                "failed to set MOUNT_ATTR_IDMAP on \(source): invalid argument (maybe the filesystem used doesn't "
                    + "support idmap mounts on this kernel?)")
        } catch {
            throw SystemError("set MOUNT_ATTR_IDMAP on", source, error)
        }
    }
}

/// User namespaces that nobody lives in: they carry the ID mappings of mounts, one for each mapping.
struct IDMapNamespaces {
    private let proc: HostProc
    private var known: [(users: [LinuxIDMapping], groups: [LinuxIDMapping], namespace: SharedFD)] = []

    init(_ proc: HostProc) { self.proc = proc }

    /// The namespace with these mappings, which is made with a process that ends at once. See user_namespaces(7).
    mutating func namespace(_ users: [LinuxIDMapping], _ groups: [LinuxIDMapping]) throws -> SharedFD {
        if let known = known.first(where: { $0.users == users && $0.groups == groups }) { return known.namespace }
        let clone = try SystemError.attempt("create", "user namespace of an ID mapping") { () throws(Errno) in
            try Syscall.clone(.user)
        }
        guard let clone else {
            // The minute is for a runtime that was killed before the signal could be asked for.
            try? Syscall.setParentDeathSignal(.kill)
            _ = try? Syscall.poll(-1, for: [], milliseconds: 60_000)
            Syscall.exitNow(0)
        }
        let process = PidFD(adopting: OwnedFD(adopting: clone.pidfd))
        defer {
            // It has done its work, and nobody else reaps it.
            try? process.send(.kill)
            _ = try? process.reap()
        }
        try proc.write("\(clone.pid)/uid_map", ContainerCreation.text(of: users))
        try proc.write("\(clone.pid)/gid_map", ContainerCreation.text(of: groups))
        let namespace = SharedFD(try proc.userNamespace(of: clone.pid))
        known.append((users, groups, namespace))
        return namespace
    }
}
