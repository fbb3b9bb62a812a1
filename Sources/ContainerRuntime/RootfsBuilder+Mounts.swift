// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension RootfsBuilder {
    func bind(_ mount: MountPlan, _ source: String, _ recursive: Bool, opened: SharedFD?) throws {
        let tree = try SystemError.attempt("bind mount", source) { () throws(Errno) in
            if let opened { return opened }
            let follow = !mount.options.handling.contains(.sourceNoFollow)
            return SharedFD(try Syscall.openTree(source, clone: true, recursive: recursive, follow: follow))
        }
        let target = try target(of: mount) { () throws(Errno) in try tree.descriptor.status().isDirectory }
        try refuseProc(mount, target) { isProc(tree.rawValue) }
        // All attributes are set before anybody can reach the mount.
        try setAttributes(of: tree.rawValue, mount, source, isTree: recursive)
        try SystemError.attempt("bind mount \(source) to", mount.destination) { () throws(Errno) in
            do throws(Errno) {
                try Syscall.moveMount(tree.rawValue, to: "", at: target.file.rawValue)
            } catch .EINVAL {
                // The kernel's word for a directory on a file, or a file on a directory.
                let kinds = (try tree.descriptor.status().isDirectory, try target.file.status().isDirectory)
                throw kinds.0 == kinds.1 ? .EINVAL : .ENOTDIR
            }
            if plan.rootfsPropagation.contains(.shared) { try setPropagation(mount.options, tree.rawValue) }
        }
    }

    private func setAttributes(of tree: Int32, _ mount: MountPlan, _ source: String, isTree: Bool) throws {
        let options = mount.options
        do throws(Errno) {
            try setAttributes(options, tree, isTree: isTree)
        } catch .EPERM where !options.clear.isEmpty || !options.recursiveClear.isEmpty {
            throw RuntimeError(
                "bind mount \(source) to \"\(mount.destination)\": \(Errno.EPERM) (flags of the source are locked, a "
                    + "user namespace cannot take them away)")
        } catch {
            throw SystemError("bind mount \(source) to", mount.destination, error)
        }
    }

    /// One call for all attributes of a single mount; those for a tree and for its top are set apart.
    private func setAttributes(_ options: MountOptions, _ mount: Int32, isTree: Bool) throws(Errno) {
        // Below a shared mount a new one becomes shared, so there propagation comes last.
        let early = plan.rootfsPropagation.contains(.shared) ? [] : options.propagation
        if !isTree, early.count < 2, !options.changesRecursively {
            let propagation = early.first?.subtracting(.recursive) ?? []
            guard !options.set.isEmpty || !options.clear.isEmpty || !propagation.isEmpty else { return }
            return try Syscall.setMountAttributes(
                "", at: mount, set: options.set, clear: options.clear, propagation: propagation)
        }
        if !options.set.isEmpty || !options.clear.isEmpty {
            try Syscall.setMountAttributes("", at: mount, set: options.set, clear: options.clear)
        }
        try setRecursively(options, mount)
        for flags in early { try setPropagation(flags, mount) }
    }

    /// Changes the attributes that are named of what is mounted at the destination already; the others stay.
    func remount(_ mount: MountPlan) throws {
        let target = try target(of: mount)
        try SystemError.attempt("remount", mount.destination) { () throws(Errno) in
            let options = mount.options
            try Syscall.setMountAttributes("", at: target.file.rawValue, set: options.set, clear: options.clear)
            try setRecursively(options, target.file.rawValue)
            try setPropagation(options, target.file.rawValue)
        }
    }

    /// A link as the source is made again at the destination, for the option `copy-symlink`. False when it is none.
    func copyLink(_ mount: MountPlan, _ source: String) throws -> Bool {
        guard mount.options.handling.contains(.copySymlink) else { return false }
        let text: String
        do throws(Errno) {
            text = try Syscall.readLink(source)
        } catch .EINVAL {
            return false
        } catch {
            throw SystemError("read link", source, error)
        }
        try SystemError.attempt("copy link \(source) to", mount.destination) { () throws(Errno) in
            let (directory, name) = try root.parent(of: mount.destination)
            do throws(Errno) {
                try Syscall.makeSymlink(text, name, at: directory.rawValue)
            } catch .EEXIST {
                guard try Syscall.linkStatus(name, at: directory.rawValue).isSymlink,
                    try Syscall.readLink(name, at: directory.rawValue) == text
                else { throw .EEXIST }
            }
        }
        return true
    }

    /// proc, sysfs, devpts, mqueue, and whatever else the kernel knows.
    func mountFileSystem(_ mount: MountPlan, _ type: String, _ source: String) throws {
        let target = try target(of: mount, isOrdinary: type == "proc" || type == "sysfs")
        try refuseProc(mount, target) { type == "proc" }
        var fileSystem = FileSystemMount(type, source, mount.options)
        if type == "proc" { fileSystem.processes = processes }
        try attach(mount, fileSystem, target)
    }

    /// A tmpfs is born writable, because mount points and devices are made in it.
    mutating func mountTmpfs(_ mount: MountPlan, _ source: String) throws {
        let target = try target(of: mount)
        try refuseProc(mount, target) { false }
        let isReadOnly = mount.options.flags.contains(.readOnly)
        let copiesUp = mount.options.handling.contains(.copyUp)
        var fileSystem = FileSystemMount("tmpfs", source, mount.options)
        fileSystem.flags.remove(.readOnly)
        // As in runc and crun, one at a place that was missing is for everybody, which is the kernel's default.
        if !target.isNew { try inherit(&fileSystem, mount, target, withOwner: copiesUp) }
        guard copiesUp || isReadOnly else { return try attach(mount, fileSystem, target) }
        let tree = SharedFD(try fileSystem.detached(for: mount))
        if copiesUp { try TreeCopy.copy(from: target.file, to: tree.descriptor) }
        try put(tree.descriptor, mount, target)
        if isReadOnly { readOnlyLater.append(tree) }
    }

    /// The directory keeps its mode, and with `tmpcopyup` its owner, unless the options give others.
    private func inherit(
        _ fileSystem: inout FileSystemMount, _ mount: MountPlan, _ target: borrowing MountTarget, withOwner: Bool
    ) throws {
        let options = fileSystem.data
        func isGiven(_ name: String) -> Bool { options.contains { $0.hasPrefix(name) } }
        guard withOwner || !isGiven("mode=") else { return }
        let below = try SystemError.attempt("stat", mount.destination) { () throws(Errno) in try target.file.status() }
        if !isGiven("mode=") { fileSystem.data.append("mode=" + String(below.permissions, radix: 8)) }
        guard withOwner else { return }
        if !isGiven("uid="), below.uid != 0 { fileSystem.data.append("uid=\(below.uid)") }
        if !isGiven("gid="), below.gid != 0 { fileSystem.data.append("gid=\(below.gid)") }
    }

    /// Mounts a new file system: one mount(2), or by way of a detached mount where more than its flags is to be set.
    func attach(_ mount: MountPlan, _ fileSystem: FileSystemMount, _ target: borrowing MountTarget) throws {
        let options = mount.options
        // A new mount is private by itself, and a slave of nobody is private.
        let isPlain =
            !options.changesRecursively
            && (options.propagation.allSatisfy { $0.isDisjoint(with: [.shared, .unbindable]) }
                && !plan.rootfsPropagation.contains(.shared) || options.propagation.isEmpty)
        if isPlain && !isInside && fileSystem.processes == nil || options.flags.contains(.remount) {
            return try fileSystem.attach(at: target.file.procPath, for: mount)
        }
        try put(try fileSystem.detached(for: mount), mount, target)
    }

    /// Puts a detached mount in its place, with what the options change recursively and in propagation.
    func put(_ tree: borrowing OwnedFD, _ mount: MountPlan, _ target: borrowing MountTarget) throws {
        let number = tree.rawValue
        let place = target.file.rawValue
        try SystemError.attempt("mount", mount.destination) { () throws(Errno) in
            try setRecursively(mount.options, number)
            try Syscall.moveMount(number, to: "", at: place)
            try setPropagation(mount.options, number)
        }
    }

    private func setRecursively(_ options: MountOptions, _ mount: Int32) throws(Errno) {
        guard options.changesRecursively else { return }
        try Syscall.setMountAttributes(
            "", at: mount, set: options.recursiveSet, clear: options.recursiveClear, recursive: true)
    }

    private func setPropagation(_ options: MountOptions, _ mount: Int32) throws(Errno) {
        for flags in options.propagation { try setPropagation(flags, mount) }
    }

    private func setPropagation(_ flags: MountFlags, _ mount: Int32) throws(Errno) {
        try Syscall.setMountAttributes(
            "", at: mount, propagation: flags.subtracting(.recursive), recursive: flags.contains(.recursive))
    }
}

extension MountOptions {
    /// Whether one of the options with the prefix `r` is there.
    var changesRecursively: Bool { !recursiveSet.isEmpty || !recursiveClear.isEmpty }
}
