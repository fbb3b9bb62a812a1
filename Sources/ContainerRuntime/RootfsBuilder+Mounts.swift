// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension RootfsBuilder {
    /// PROC_SUPER_MAGIC of statfs(2).
    static let procFileSystem: Int64 = 0x9fa0

    func bind(_ mount: MountPlan, _ source: String, _ recursive: Bool, opened: SharedFD?) throws {
        let tree = try SystemError.attempt("bind mount", source) { () throws(Errno) in
            if let opened { return opened }
            return SharedFD(try Syscall.openTree(source, clone: true, recursive: recursive))
        }
        let isDirectory = try SystemError.attempt("stat", source) { () throws(Errno) in
            try tree.descriptor.status().isDirectory
        }
        let target = try target(of: mount, isDirectory: isDirectory)
        try refuseProc(mount, target.rawValue, sourceIsProc: isProc(tree.rawValue))
        try SystemError.attempt("bind mount \(source) to", mount.destination) { () throws(Errno) in
            let options = mount.options
            // All attributes are set before anybody can reach the mount.
            if !options.set.isEmpty || !options.clear.isEmpty {
                try Syscall.setMountAttributes("", at: tree.rawValue, set: options.set, clear: options.clear)
            }
            try setRecursively(options, tree.rawValue)
            try Syscall.moveMount(tree.rawValue, to: "", at: target.rawValue)
            try setPropagation(options, tree.rawValue)
        }
    }

    /// proc, sysfs, devpts, mqueue, and whatever else the kernel knows.
    func mountFileSystem(_ mount: MountPlan, _ type: String, _ source: String) throws {
        let target = try target(of: mount, isDirectory: true, follow: type != "proc" && type != "sysfs")
        try refuseProc(mount, target.rawValue, sourceIsProc: type == "proc")
        try attach(mount, type, source, flags: mount.options.flags, data: mount.options.data, target)
    }

    /// A tmpfs is born writable, because mount points and devices are made in it.
    mutating func mountTmpfs(_ mount: MountPlan, _ source: String) throws {
        let target = try target(of: mount, isDirectory: true)
        try refuseProc(mount, target.rawValue, sourceIsProc: false)
        let below = try SystemError.attempt("stat", mount.destination) { () throws(Errno) in try target.status() }
        // The directory keeps its mode unless the options give another.
        let data = ["mode=" + String(below.permissions, radix: 8)] + mount.options.data
        let isReadOnly = mount.options.flags.contains(.readOnly)
        let flags = mount.options.flags.subtracting(.readOnly)
        try attach(mount, "tmpfs", source, flags: flags, data: data, target)
        if mount.options.copyUp || isReadOnly {
            let mounted = try reopen(mount)
            if mount.options.copyUp { try TreeCopy.copy(from: target.rawValue, to: mounted.rawValue) }
            if isReadOnly { readOnlyLater.append(mounted) }
        }
    }

    func attach(
        _ mount: MountPlan, _ type: String, _ source: String, flags: MountFlags, data: [String],
        _ target: borrowing OwnedFD
    ) throws {
        let path = target.procPath
        try SystemError.attempt("mount \(type) to", mount.destination) { () throws(Errno) in
            try Syscall.mount(
                source: source, target: path, type: type, flags: flags, data: data.joined(separator: ","))
        }
        let options = mount.options
        let isPlain = options.propagation.isEmpty && options.recursiveSet.isEmpty && options.recursiveClear.isEmpty
        if isPlain { return }
        let mounted = try reopen(mount)
        try SystemError.attempt("set attributes of", mount.destination) { () throws(Errno) in
            try setRecursively(options, mounted.rawValue)
            try setPropagation(options, mounted.rawValue)
        }
    }

    /// The mount that is at the destination now.
    func reopen(_ mount: MountPlan) throws -> SharedFD {
        try SystemError.attempt("open mount", mount.destination) { () throws(Errno) in
            SharedFD(try root.open(mount.destination, [.path, .directory]))
        }
    }

    private func setRecursively(_ options: MountOptions, _ mount: Int32) throws(Errno) {
        guard !options.recursiveSet.isEmpty || !options.recursiveClear.isEmpty else { return }
        try Syscall.setMountAttributes(
            "", at: mount, set: options.recursiveSet, clear: options.recursiveClear, recursive: true)
    }

    private func setPropagation(_ options: MountOptions, _ mount: Int32) throws(Errno) {
        for flags in options.propagation {
            try Syscall.setMountAttributes(
                "", at: mount, propagation: flags.subtracting(.recursive), recursive: flags.contains(.recursive))
        }
    }

    /// A handle on the place to mount at, which is made where it is missing.
    func target(of mount: MountPlan, isDirectory: Bool, follow: Bool = true) throws -> OwnedFD {
        try SystemError.attempt("create mount point", mount.destination) { () throws(Errno) in
            guard isDirectory else { return try root.makeFile(mount.destination) }
            if follow { return try root.makeDirectories(mount.destination) }
            // A link here would put /proc or /sys elsewhere, and a stranger's files where they are expected.
            let (parent, name) = try root.parent(of: mount.destination)
            do throws(Errno) { try Syscall.makeDirectory(name, mode: 0o755, at: parent.rawValue) } catch .EEXIST {}
            return try Syscall.open(
                name, [.path, .directory, .noFollow], at: parent.rawValue, resolve: [.beneath, .noMagicLinks])
        }
    }

    /// Over /proc only a procfs may be mounted, and in it only what `mountableInProc` lists.
    private func refuseProc(_ mount: MountPlan, _ target: Int32, sourceIsProc: Bool) throws {
        if sourceIsProc { return }
        if mount.destination == "/proc" {
            throw RuntimeError("\"/proc\" cannot be mounted because it is not of type proc")
        }
        guard isProc(target), !MountPlan.mountableInProc.contains(mount.destination) else { return }
        throw RuntimeError("\"\(mount.destination)\" cannot be mounted because it is inside /proc")
    }

    private func isProc(_ descriptor: Int32) -> Bool {
        do throws(Errno) {
            return try Syscall.fileSystem(of: descriptor).type == Self.procFileSystem
        } catch {
            return false
        }
    }
}
