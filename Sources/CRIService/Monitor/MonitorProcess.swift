// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// How the monitor of a pod is started: its command line, and the wait until it is ready.
struct MonitorProcess: Sendable {
    var program: String
    var podID: String
    var paths: Paths
    /// Namespaces to make: `net`, `ipc`, `uts`, `pid`, `user`.
    var namespaces: [String]
    /// For the user namespace.
    var users: UserMapping?
    /// For the UTS namespace.
    var hostname: String?
    var sysctls: [String: String]
    /// The socket of the journal for the output of containers; "" for none.
    var journal = ""
    /// Directories of the cgroup that the monitor enters, one per hierarchy.
    var cgroups: [String]
    /// That of the unified hierarchy, which is one of them.
    var birthPlace: String?

    /// The command line without the ready descriptor.
    var arguments: [String] {
        var list = [
            program, "--pod", podID, "--run-dir", paths.pod(podID), "--namespaces-dir", paths.namespaces(podID),
            "--log", paths.monitorLog(podID),
        ]
        if !namespaces.isEmpty { list += ["--new", namespaces.joined(separator: ",")] }
        if let users { list += ["--uid-map", users.users.text, "--gid-map", users.groups.text] }
        if let hostname { list += ["--hostname", hostname] }
        for (key, value) in sysctls.sorted(by: { $0.key < $1.key }) { list += ["--sysctl", "\(key)=\(value)"] }
        if !journal.isEmpty { list += ["--journal", journal] }
        for directory in cgroups { list += ["--cgroup", directory] }
        return list
    }

    /// A monitor that runs and waits to be adopted. Dropping `ready` before that makes it undo everything and end.
    struct Started: Sendable {
        var pid: Int32
        var startTime: UInt64
        var pidfd: SharedPidFD
        var ready: SharedFD
    }

    /// Starts it and waits for its word; blocks the calling thread.
    func start() throws -> Started {
        var pipe = try Pipe()
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw Errno.EBADF }
        let null = try Syscall.open("/dev/null", .readWrite)
        // It writes its complaints into the pipe or into its log.
        var plan = ChildPlan(
            program, arguments + ["--ready-fd", "3"], environment: ["PATH=\(RuntimeHandler.searchPath)"],
            descriptors: [null.rawValue, null.rawValue, null.rawValue, writer.rawValue], workingDirectory: "/")
        plan.cgroup = try birthPlace.map { path in
            try SystemError.attempt("open", path) { () throws(Errno) in
                SharedFD(try Syscall.open(path, [.path, .directory]))
            }
        }
        let child = try SystemError.attempt("start", program) { () throws(Errno) in try ChildProcess(plan) }
        try writer.close()
        // Not before: the child takes its copies at the start.
        try null.close()
        let (pid, pidfd) = child.detach()
        let text = String(decoding: try firstLine(reader), as: UTF8.self)
        guard text.hasPrefix("ready") else {
            let status = try pidfd.pidfd.reap()
            let cause = text.hasPrefix("error: ") ? String(text.dropFirst(7)) : "it ended with \(status)"
            throw ServiceError(.failed, "start the pod's monitor", nil, cause.isEmpty ? "no answer" : cause)
        }
        return Started(
            pid: pid, startTime: try ProcStat(pid).startTime, pidfd: pidfd, ready: SharedFD(reader))
    }

    private func firstLine(_ reader: borrowing OwnedFD) throws(Errno) -> [UInt8] {
        var line: [UInt8] = []
        while !line.contains(10) {
            let part = try reader.read(upTo: 4096)
            if part.isEmpty { break }
            line += part
        }
        return Array(line.prefix { $0 != 10 })
    }
}
