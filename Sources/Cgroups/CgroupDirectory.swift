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
        var pids = try ownProcesses()
        for child in try children() { pids += try child.processes() }
        return pids
    }

    private func ownProcesses() throws(CgroupError) -> [Int32] {
        do throws(CgroupError) {
            return (try read("cgroup.procs") ?? "").split(separator: "\n").compactMap { Int32($0) }.filter { $0 > 0 }
        } catch  where error.code == .system(.EOPNOTSUPP) {
            // A threaded cgroup: its processes are listed in the domain above.
            return []
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
                for child in try children() { try child.removeTree(milliseconds: milliseconds) }
                if !patience.wait() { throw CgroupError(.busy, "remove cgroup \"\(path)\": \(Errno.EBUSY)") }
            } catch {
                throw CgroupError("remove cgroup", path, error)
            }
        }
    }
}
