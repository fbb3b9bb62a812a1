// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

extension RootfsBuilder {
    /// The container's cgroups as the host has them: one cgroup2, or a tmpfs with a directory for each v1 hierarchy.
    mutating func mountCgroup(_ mount: MountPlan) throws {
        let target = try target(of: mount)
        try refuseProc(mount, target) { false }
        switch cgroup.mode {
        case .v2: try mountUnified(mount, target, own: cgroup.unified ?? "")
        case .v1, .hybrid: try mountLegacy(mount, target)
        }
    }

    private func mountUnified(_ mount: MountPlan, _ target: borrowing MountTarget, own: String) throws {
        do {
            try attach(mount, FileSystemMount("cgroup2", "cgroup", mount.options), target)
        } catch let error as SystemError where error.errno == .EPERM || error.errno == .EBUSY {
            // A user namespace without a cgroup namespace of its own: the container's part of the host's mount.
            try bindCgroup(own, target.file.rawValue, mount, recursive: false)
        }
    }

    private mutating func mountLegacy(_ mount: MountPlan, _ target: borrowing MountTarget) throws {
        if let option = mount.options.data.first {
            throw RuntimeError("mount \"\(mount.destination)\": unknown option \"\(option)\" of a cgroup v1 mount")
        }
        var directory = FileSystemMount("tmpfs", "tmpfs", mount.options)
        directory.flags.remove(.readOnly)
        directory.data = ["mode=755"]
        let tree = SharedFD(try directory.detached(for: mount))
        try put(tree.descriptor, mount, target)
        for subtree in cgroup.subtrees { try mountSubtree(subtree, tree.rawValue, mount) }
        if mount.options.flags.contains(.readOnly) { readOnlyLater.append(tree) }
    }

    private func mountSubtree(_ subtree: CgroupLocation.Subtree, _ directory: Int32, _ mount: MountPlan) throws {
        let name = subtree.mountPoint.split(separator: "/").last.map(String.init) ?? "cgroup"
        let target = try SystemError.attempt("create", "\(mount.destination)/\(name)") { () throws(Errno) in
            do throws(Errno) { try Syscall.makeDirectory(name, at: directory) } catch .EEXIST {}
            return try Syscall.open(name, [.path, .directory, .noFollow], at: directory)
        }
        if plan.namespaces.isPrivate(.cgroup) {
            try mountHierarchy(subtree, target, mount, name)
        } else {
            try bindCgroup(subtree.directory, target.rawValue, mount, recursive: false)
        }
        // Programs look for each controller by its own name.
        guard subtree.controllers.count > 1 else { return }
        for controller in subtree.controllers where controller != name {
            try SystemError.attempt("create link", "\(mount.destination)/\(controller)") { () throws(Errno) in
                do throws(Errno) { try Syscall.makeSymlink(name, controller, at: directory) } catch .EEXIST {}
            }
        }
    }

    /// A new mount shows the root of the cgroup namespace, that is the container's own cgroup.
    private func mountHierarchy(
        _ subtree: CgroupLocation.Subtree, _ target: borrowing OwnedFD, _ mount: MountPlan, _ name: String
    ) throws {
        let isUnified = subtree.controllers.isEmpty
        let data = subtree.controllers.map { $0.hasPrefix("name=") ? "none,\($0)" : $0 }.joined(separator: ",")
        try SystemError.attempt("mount cgroup to", "\(mount.destination)/\(name)") { () throws(Errno) in
            try Syscall.mount(
                source: "cgroup", target: target.procPath, type: isUnified ? "cgroup2" : "cgroup",
                flags: mount.options.flags, data: data)
        }
    }

    private func bindCgroup(_ source: String, _ target: Int32, _ mount: MountPlan, recursive: Bool) throws {
        try SystemError.attempt("bind mount \(source) to", mount.destination) { () throws(Errno) in
            let tree = try Syscall.openTree(source, clone: true, recursive: recursive)
            if !mount.options.set.isEmpty {
                try Syscall.setMountAttributes("", at: tree.rawValue, set: mount.options.set)
            }
            try Syscall.moveMount(tree.rawValue, to: "", at: target)
        }
    }
}
