// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The namespaces of a pod, pinned by bind mounts so that they live while no process is in them.
///
/// A child is cloned into them, sets them up from within and waits until the parent has pinned them:
///
///     [ child ]                                  [ monitor ]
///                                                with a user namespace: its mappings
///     becomes its root           <-------------  one byte
///     lo up, hostname, sysctls
///     "ok" or an error text      ------------->
///                                                bind /proc/CHILD/ns/X to DIR/X
///     exits, or becomes pause    <-------------  one byte
///
/// When either side dies, the other sees the end of its pipe.
///
/// The folder of the pins is made by whoever starts the monitor, and is its leave to pin: a daemon that undoes a pod removes
/// the folder, and a monitor of that pod which it does not know of can pin nothing any more.
struct PodNamespaces {
    private let directory: String
    private let kinds: [PodNamespace]
    /// Of the user namespace, if there is one.
    private let mappings: (users: IDRange, groups: IDRange)?
    /// The child; after `create`, the built-in init of the PID namespace if there is one.
    private(set) var pausePID: Int32?

    init(_ options: MonitorOptions) {
        directory = options.namespacesDirectory
        kinds = options.newNamespaces
        mappings = if let users = options.users, let groups = options.groups { (users, groups) } else { nil }
    }

    /// Makes, sets up and pins them; what a dead monitor of the same pod left is replaced.
    mutating func create(hostname: String?, sysctls: [Sysctl]) throws {
        try removePins()
        guard !kinds.isEmpty else { return }
        var result = try Pipe()
        var permission = try Pipe()
        guard let resultReader = result.takeReader(), let resultWriter = result.takeWriter(),
            let permissionReader = permission.takeReader(), let permissionWriter = permission.takeWriter()
        else { throw Errno.EBADF }
        let child = NamespaceChild(kinds: kinds, hostname: hostname, sysctls: sysctls)
        let flags = NamespaceFlags(kinds.map(\.flag))
        let cloned = try SystemError.attempt("create", "namespaces") { () throws(Errno) in try Syscall.clone(flags) }
        guard let cloned else {
            // Else the child would hold open the pipe whose end it waits for.
            _ = try? permissionWriter.close()
            child.run(result: resultWriter.release(), permission: permissionReader.release())
        }
        _ = OwnedFD(adopting: cloned.pidfd)
        pausePID = cloned.pid
        try resultWriter.close()
        try permissionReader.close()
        if let mappings {
            try map("uid_map", mappings.users, of: cloned.pid)
            try map("gid_map", mappings.groups, of: cloned.pid)
            try permissionWriter.writeAll([1])
        }
        let answer = String(decoding: try resultReader.readAll(limit: 4096), as: UTF8.self)
        guard answer == "ok" else { throw MonitorError(answer.isEmpty ? "create namespaces: the child died" : answer) }
        for kind in kinds { try pin(kind, of: cloned.pid) }
        try permissionWriter.writeAll([1])
        if !kinds.contains(.pid) { try reap() }
    }

    private func map(_ file: String, _ range: IDRange, of pid: Int32) throws {
        let path = "/proc/\(pid)/\(file)"
        try SystemError.attempt("write \"\(range.line.dropLast())\" to", path) { () throws(Errno) in
            try Syscall.writeExisting(path, range.line)
        }
    }

    private func pin(_ kind: PodNamespace, of pid: Int32) throws {
        let target = "\(directory)/\(kind.rawValue)"
        try SystemError.attempt("create", target) { () throws(Errno) in
            try Syscall.open(target, [.writeOnly, .create, .exclusive], mode: 0o444).close()
        }
        try SystemError.attempt("pin namespace at", target) { () throws(Errno) in
            try Syscall.mount(source: "/proc/\(pid)/ns/\(kind.rawValue)", target: target, flags: .bind)
        }
    }

    /// Removes the pins and their folder; what is not there is right. A namespace ends with its last process.
    func unpin() throws {
        try removePins()
        try SystemError.attempt("remove directory", directory) { () throws(Errno) in
            do throws(Errno) {
                try Syscall.removeDirectory(directory)
            } catch .ENOENT {
            } catch .ENOTEMPTY {
                // Somebody else's files keep their folder.
            }
        }
    }

    private func removePins() throws {
        for kind in PodNamespace.allCases {
            let target = "\(directory)/\(kind.rawValue)"
            try SystemError.attempt("unmount", target) { () throws(Errno) in try Syscall.unmountAll(target) }
            try SystemError.attempt("remove", target) { () throws(Errno) in
                do throws(Errno) {
                    try Syscall.removeFile(target)
                } catch .ENOENT {
                }
            }
        }
    }

    /// Kills the child, whichever it is by now, and reaps it.
    mutating func killPause() throws(Errno) {
        guard let pid = pausePID else { return }
        try Syscall.kill(pid, .kill)
        try reap()
    }

    /// Takes note that the loop has reaped pause.
    mutating func pauseEnded() { pausePID = nil }

    private mutating func reap() throws(Errno) {
        guard let pid = pausePID else { return }
        _ = try Syscall.wait(pid)
        pausePID = nil
    }
}
