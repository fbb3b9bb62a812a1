// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux

/// Builds the container's root filesystem in the caller's mount namespace and enters it.
///
/// The rootfs is written by strangers. Every path below it is resolved by openat2(2) inside it, and everything is
/// mounted on descriptors, never on paths: a link that is exchanged meanwhile leads nowhere (CVE-2021-30465).
struct RootfsBuilder: ~Copyable {
    let plan: ContainerPlan
    let cgroup: CgroupLocation
    /// Sources of bind mounts that had to be opened outside of the user namespace, by their place in the plan.
    let openedSources: [SharedFD?]
    let root: SafeRoot
    /// The PID namespace that a procfs shows, where it is not the caller's own.
    var processes: JoinedNamespace?
    /// The container runs already.
    let isInside: Bool
    /// Mounts that become read-only when everything in them is in place.
    var readOnlyLater: [SharedFD] = []

    /// Takes the mount tree apart from the host's, and puts a mount of the rootfs on the rootfs: the root of the
    /// container must be a mount of its own.
    init(_ plan: ContainerPlan, cgroup: CgroupLocation, openedSources: [SharedFD?]) throws {
        self.plan = plan
        self.cgroup = cgroup
        self.openedSources = openedSources
        isInside = false
        try SystemError.attempt("set propagation of", "/") { () throws(Errno) in
            // An unbindable mount could not be cloned below; the new root becomes one in the end.
            let isUnbindable = plan.rootfsPropagation.contains(.unbindable)
            try Syscall.mount(target: "/", flags: isUnbindable ? [.private, .recursive] : plan.rootfsPropagation)
        }
        try Self.separate(plan)
        let tree = try SystemError.attempt("clone mount", plan.rootfs) { () throws(Errno) in
            let tree = try Syscall.openTree(plan.rootfs, clone: true, recursive: true)
            try Syscall.moveMount(tree.rawValue, to: plan.rootfs)
            return tree
        }
        root = SafeRoot(adopting: tree)
    }

    /// With a shared root, what is mounted in the container must not appear in the host's view of the rootfs.
    private static func separate(_ plan: ContainerPlan) throws {
        guard plan.rootfsPropagation.contains(.shared) else { return }
        let mounts = try SystemError.attempt("read", "/proc/self/mountinfo") { () throws(Errno) in
            try MountInfo.read()
        }
        let holder = mounts.map(\.mountPoint).filter { LexicalPath.isWithin(plan.rootfs, $0) }.max {
            $0.count < $1.count
        }
        guard let holder else { return }
        try SystemError.attempt("make private", holder) { () throws(Errno) in
            try Syscall.mount(target: holder, flags: .private)
        }
    }

    /// Works in the mount namespace of a running container, whose root is the caller's already. Its /proc is nothing to
    /// rely on, so all is done by descriptors alone.
    init(inside plan: ContainerPlan, cgroup: CgroupLocation, openedSources: [SharedFD?]) throws {
        self.plan = plan
        self.cgroup = cgroup
        self.openedSources = openedSources
        isInside = true
        root = try SystemError.attempt("open", "/") { () throws(Errno) in try SafeRoot("/") }
    }

    /// Mounts everything in the order of the configuration.
    mutating func mountAll() throws {
        for index in plan.mounts.indices { try mount(index) }
    }

    mutating func mount(_ index: Int) throws {
        let mount = plan.mounts[index]
        switch mount.content {
        case .bind(let source, let recursive):
            if mount.options.flags.contains(.remount) {
                try remount(mount)
            } else if try !copyLink(mount, source) {
                try bind(mount, source, recursive, opened: openedSources[index])
            }
        case .cgroup: try mountCgroup(mount)
        case .tmpfs(let source): try mountTmpfs(mount, source)
        case .fileSystem(let type, let source): try mountFileSystem(mount, type, source)
        }
    }

    /// Makes the process's working directory where the image has none, as runc does.
    func makeDirectory(_ path: String) throws {
        do throws(Errno) {
            _ = try root.makeDirectories(path)
        } catch .EROFS {
        } catch .ENOTDIR {
            // Entering it will tell.
        } catch .EACCES {
        } catch {
            throw SystemError("create", path, error)
        }
    }

    /// Carries out what had to wait until mount points and devices were made.
    func seal() throws {
        for mount in readOnlyLater {
            try SystemError.attempt("make read-only", "tmpfs") { () throws(Errno) in
                try Syscall.setMountAttributes("", at: mount.rawValue, set: .readOnly)
            }
        }
    }

    /// Makes the rootfs the root of the mount namespace and gives up the old one. See pivot_root(2).
    func enter(byPivot: Bool) throws {
        if byPivot { try pivot() } else { try moveOverRoot() }
        try SystemError.attempt("change directory to", "/") { () throws(Errno) in try Syscall.changeDirectory("/") }
        if plan.rootfsPropagation.contains(.shared) || plan.rootfsPropagation.contains(.unbindable) {
            // Of the root alone: the other mounts have their options. There are no peers outside of the container.
            try SystemError.attempt("set propagation of", "/") { () throws(Errno) in
                try Syscall.mount(target: "/", flags: plan.rootfsPropagation.subtracting(.recursive))
            }
        }
        if plan.rootfsIsReadOnly {
            try SystemError.attempt("make read-only", "/") { () throws(Errno) in
                try Syscall.setMountAttributes("/", set: .readOnly)
            }
        }
    }

    private func pivot() throws {
        try SystemError.attempt("pivot_root", plan.rootfs) { () throws(Errno) in
            try Syscall.changeRoot(to: root.directory)
        }
    }

    /// For a rootfs on the initial ramdisk, which cannot be pivoted away. Weaker: the old root stays mounted below.
    private func moveOverRoot() throws {
        try SystemError.attempt("move mount to /", plan.rootfs) { () throws(Errno) in
            try Syscall.changeDirectory(to: root.directory.rawValue)
            try Syscall.mount(source: ".", target: "/", flags: .move)
            try Syscall.changeRoot(".")
        }
    }
}
