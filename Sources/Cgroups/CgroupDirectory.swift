// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// One directory of a cgroup file system.
///
/// Files are never created here: where a hierarchy is not mounted, that would leave plain files behind which look right.
package struct CgroupDirectory: Hashable, Sendable {
    package let path: String

    init(_ path: String) { self.path = path }

    var exists: Bool { Syscall.exists(path) }

    func has(_ file: String) -> Bool { Syscall.exists("\(path)/\(file)") }

    /// The text of a file without the newline at its end; nil when there is no such file.
    func read(_ file: String) throws(CgroupError) -> String? {
        do throws(Errno) {
            let text = try Syscall.readText("\(path)/\(file)")
            return text.last == "\n" ? String(text.dropLast()) : text
        } catch .ENOENT {
            return nil
        } catch .ENODEV {
            // The cgroup was removed between open and read.
            return nil
        } catch {
            throw CgroupError("read", "\(path)/\(file)", error)
        }
    }

    /// Writes one value in one call.
    func write(_ file: String, _ value: String) throws(CgroupError) {
        try CgroupError.attempt("write \"\(value)\" to", "\(path)/\(file)") { () throws(Errno) in
            try Syscall.writeExisting("\(path)/\(file)", value)
        }
    }

    /// Makes the directory and those above it up to the mount point, top down; `made` hears of each one that is new.
    func create(below mountPoint: String, _ made: (CgroupDirectory) throws(CgroupError) -> Void) throws(CgroupError) {
        do throws(Errno) {
            try Syscall.makeDirectory(path)
        } catch .EEXIST {
            return
        } catch .ENOENT {
            guard let parent, parent.path.count > mountPoint.count else {
                throw CgroupError("create cgroup", path, .ENOENT)
            }
            try parent.create(below: mountPoint, made)
            try CgroupError.attempt("create cgroup", path) { () throws(Errno) in
                do throws(Errno) { try Syscall.makeDirectory(path) } catch .EEXIST {}
            }
        } catch {
            throw CgroupError("create cgroup", path, error)
        }
        try made(self)
    }

    /// The directory above.
    var parent: CgroupDirectory? {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return nil }
        return CgroupDirectory(String(path[..<slash]))
    }

    /// The cgroups below; none when the directory does not exist.
    func children() throws(CgroupError) -> [CgroupDirectory] {
        do throws(Errno) {
            // Each subdirectory counts as a link, which saves looking at a hundred files.
            guard try Syscall.status(path).links > 2 else { return [] }
            var children: [CgroupDirectory] = []
            for name in try Syscall.entries(path) where try Syscall.linkStatus("\(path)/\(name)").isDirectory {
                children.append(CgroupDirectory("\(path)/\(name)"))
            }
            return children
        } catch .ENOENT {
            return []
        } catch {
            throw CgroupError("list cgroup", path, error)
        }
    }

    /// The pids here and below. 0 stands for a process of another PID namespace and is left out.
    func processes() throws(CgroupError) -> [Int32] {
        var pids: [Int32] = []
        do throws(Errno) {
            try visitTree { directory throws(Errno) in pids += try Self.processes(of: directory) }
        } catch {
            throw CgroupError("list processes of cgroup", path, error)
        }
        return pids
    }

    private static func processes(of directory: SharedFD) throws(Errno) -> [Int32] {
        do throws(Errno) {
            let text = try Syscall.readText("cgroup.procs", at: directory.rawValue)
            return text.split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 0 }
        } catch {
            // It was removed meanwhile, or is a threaded cgroup, whose processes are listed in the domain above.
            guard [.ENOENT, .ENODEV, .EOPNOTSUPP].contains(error) else { throw error }
            return []
        }
    }

    /// Visits this cgroup and those below it, which `leave` gets by name in reverse order. By descriptors: a container that has
    /// a cgroup of its own may make them deeper than a path is long, with names that are no text.
    private func visitTree(
        _ body: (SharedFD) throws(Errno) -> Void, leave: (RawName, SharedFD) throws(Errno) -> Void = { _, _ in }
    ) throws(Errno) {
        let passed: Set<Errno> = [.ENOENT, .ENODEV, .ESTALE]
        do throws(Errno) {
            let top = SharedFD(try Syscall.open(path, [.directory, .noFollow]))
            try Syscall.visitDirectories(below: top, passingOver: passed.contains) {
                directory throws(Errno) -> [RawName] in
                try body(directory)
                // Each subdirectory counts as a link, which saves looking at a hundred files.
                guard try Syscall.status(of: directory.rawValue).links > 2 else { return [] }
                return try Syscall.rawEntries(of: directory.rawValue).filter { name in
                    (try? Syscall.linkStatus(name, at: directory.rawValue))?.isDirectory == true
                }
            } afterwards: { name, above throws(Errno) in
                try leave(name, above)
            }
        } catch {
            // There is none.
            guard error == .ENOENT else { throw error }
        }
    }

    /// Takes back a creation. Others may have made cgroups below meanwhile, or have entered it: then it is theirs.
    func removeIfEmpty() { try? Syscall.removeDirectory(path) }

    /// Removes the directory and those below it, the deepest first, and waits for processes that are ending.
    func removeTree(milliseconds: Int32) throws(CgroupError) {
        var patience = Patience(milliseconds: milliseconds)
        while true {
            do throws(Errno) {
                try Syscall.removeDirectory(path)
                return
            } catch .ENOENT {
                return
            } catch .EBUSY {
                try removeBelow()
                if !patience.wait() { throw CgroupError(.busy, "remove cgroup \"\(path)\": \(Errno.EBUSY)") }
            } catch {
                throw CgroupError("remove cgroup", path, error)
            }
        }
    }

    /// Removes those below that nobody is in.
    private func removeBelow() throws(CgroupError) {
        do throws(Errno) {
            try visitTree { _ in
            } leave: { name, above throws(Errno) in
                do throws(Errno) {
                    try Syscall.removeDirectory(name, at: above.rawValue)
                } catch {
                    guard [.EBUSY, .ENOENT].contains(error) else { throw error }
                }
            }
        } catch {
            throw CgroupError("remove cgroups below", path, error)
        }
    }
}
