// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// The way of a new process into a cgroup without waiting.
///
/// Whoever moves another process makes the kernel stop all clones, executions and exits of the machine for the moment,
/// which takes a grace period of RCU: ten milliseconds on a machine that has not done it just before. Two ways are free
/// of that: to be born in a cgroup of the unified hierarchy, and in a v1 hierarchy a thread that moves itself by a 0 in
/// `tasks`, since Linux 5.4. A process with one thread is in the cgroup as a whole then.
///
/// The files are opened with the rights of the runtime, for the kernel asks for those of the opener (Linux 5.16); a
/// process may use them from its first moment on.
package struct CgroupEntrance: Sendable {
    /// The directory for clone3(2) with CLONE_INTO_CGROUP; nil without a unified hierarchy.
    package let birthPlace: SharedFD?
    private let unified: CgroupDirectory?
    private let tasks: [(path: String, file: SharedFD)]

    fileprivate init(_ location: CgroupLocation) throws(CgroupError) {
        var tasks: [(path: String, file: SharedFD)] = []
        for subtree in location.subtrees where !subtree.controllers.isEmpty {
            tasks.append(try Self.open(subtree.directory))
        }
        self.tasks = tasks
        unified = location.unified.map { CgroupDirectory($0) }
        birthPlace = try location.unified.map { path throws(CgroupError) in
            try CgroupError.attempt("open", path) { () throws(Errno) in
                SharedFD(try Syscall.open(path, [.path, .directory]))
            }
        }
    }

    private static func open(_ directory: String) throws(CgroupError) -> (path: String, file: SharedFD) {
        let (tasks, processes) = ("\(directory)/tasks", "\(directory)/cgroup.procs")
        return try CgroupError.attempt("open", tasks) { () throws(Errno) in
            do throws(Errno) {
                return (tasks, SharedFD(try Syscall.open(tasks, .writeOnly)))
            } catch .EACCES {
                // Delegated by somebody who gave away no more than what has to be.
                return (processes, SharedFD(try Syscall.open(processes, .writeOnly)))
            }
        }
    }

    /// In the new process: moves it into the cgroup of each v1 hierarchy.
    package func enter() throws(CgroupError) {
        for (path, file) in tasks {
            try CgroupError.attempt("write \"0\" to", path) { () throws(Errno) in try file.descriptor.writeAll("0") }
        }
    }

    /// Moves a process that could not be born in the cgroup into that of the unified hierarchy.
    package func admit(_ pid: Int32) throws(CgroupError) { try unified?.add(pid) }
}

extension CgroupDriver {
    /// Opens the way into the cgroup, which exists.
    package func entrance() throws(CgroupError) -> CgroupEntrance { try CgroupEntrance(location) }
}
