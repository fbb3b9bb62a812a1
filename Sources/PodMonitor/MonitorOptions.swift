// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The command line of `skiffmon`.
package struct MonitorOptions: Hashable, Sendable {
    /// The pod's id, for logs and clients.
    package var pod = ""
    /// Where `lock` and `monitor.sock` are made.
    package var runDirectory = ""
    /// Where the pinned namespaces are made: `net`, `ipc`, `uts`, `pid`, `user`.
    package var namespacesDirectory = ""
    package var newNamespaces: [PodNamespace] = []
    /// The users and groups of the new user namespace.
    package var users: IDRange?
    package var groups: IDRange?
    package var hostname: String?
    package var sysctls: [Sysctl] = []
    /// Cgroup directories that the monitor moves itself into.
    package var cgroups: [String] = []
    /// The monitor's own log; error output when there is none.
    package var logFile: String?
    /// The socket of a journal that gets the output of containers too.
    package var journal: String?
    /// The descriptor that hears `ready` or `error: ...`; standard output when it is not given.
    package var readyDescriptor: Int32 = 1

    package static let usage = """
        usage: skiffmon --pod ID --run-dir DIR --namespaces-dir DIR [--new net,ipc,uts,pid,user]
                        [--uid-map INSIDE:OUTSIDE:COUNT --gid-map INSIDE:OUTSIDE:COUNT] [--hostname NAME]
                        [--sysctl NAME=VALUE]... [--cgroup DIR]... [--log FILE] [--journal SOCKET] [--ready-fd N]

        Watches over one pod: makes and pins its namespaces, runs the OCI runtime for it, carries its containers'
        output into their logs and keeps their exit status. It is asked over monitor.sock in the first DIR. Both must be
        there; the second goes with the namespaces.

        """

    /// Reads the arguments after the program's name; an option and its value are two arguments, or one with `=`.
    package init(parsing arguments: [String]) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard name.hasPrefix("--") else { throw UsageError("unexpected argument \"\(argument)\"") }
            guard Self.names.contains(name) else { throw UsageError("unknown option \"\(name)\"") }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw UsageError("option \"\(name)\" needs a value")
            }
            try set(name, value)
        }
        try check()
    }

    private static let names: Set<String> = [
        "--pod", "--run-dir", "--namespaces-dir", "--new", "--uid-map", "--gid-map", "--hostname", "--sysctl",
        "--cgroup", "--log", "--journal", "--ready-fd",
    ]

    private mutating func set(_ name: String, _ value: String) throws(UsageError) {
        switch name {
        case "--pod": pod = value
        case "--run-dir": runDirectory = value
        case "--namespaces-dir": namespacesDirectory = value
        case "--hostname": hostname = value
        case "--cgroup": cgroups.append(value)
        case "--log": logFile = value
        case "--journal": journal = value
        case "--new": newNamespaces = try Self.namespaces(value)
        case "--uid-map": users = try Self.range(name, value)
        case "--gid-map": groups = try Self.range(name, value)
        case "--sysctl":
            guard let sysctl = Sysctl(parsing: value) else {
                throw UsageError("--sysctl \"\(value)\": not of the form NAME=VALUE")
            }
            sysctls.append(sysctl)
        default:
            guard let number = Int32(value), number >= 0 else {
                throw UsageError("\(name) \"\(value)\": not a descriptor")
            }
            readyDescriptor = number
        }
    }

    private static func range(_ option: String, _ value: String) throws(UsageError) -> IDRange {
        guard let range = IDRange(parsing: value) else {
            throw UsageError("\(option) \"\(value)\": not of the form INSIDE:OUTSIDE:COUNT")
        }
        return range
    }

    private static func namespaces(_ list: String) throws(UsageError) -> [PodNamespace] {
        var namespaces: [PodNamespace] = []
        for name in list.split(separator: ",") {
            guard let namespace = PodNamespace(rawValue: String(name)) else {
                throw UsageError("--new \"\(name)\": unknown kind of namespace")
            }
            if !namespaces.contains(namespace) { namespaces.append(namespace) }
        }
        return namespaces
    }

    /// What would fail later, or change the whole machine instead of the pod, is refused before anything is made.
    private func check() throws(UsageError) {
        for (name, value) in [
            ("--pod", pod), ("--run-dir", runDirectory), ("--namespaces-dir", namespacesDirectory),
        ] where value.isEmpty {
            throw UsageError("option \"\(name)\" is missing")
        }
        for path in [runDirectory, namespacesDirectory] + cgroups where !path.hasPrefix("/") {
            throw UsageError("path \"\(path)\" is not absolute")
        }
        if hostname != nil, !newNamespaces.contains(.uts) {
            throw UsageError("--hostname needs a new uts namespace")
        }
        guard newNamespaces.contains(.user) == (users != nil), (users == nil) == (groups == nil) else {
            throw UsageError("--uid-map and --gid-map go with a new user namespace")
        }
        for sysctl in sysctls {
            guard let namespace = sysctl.namespace else {
                throw UsageError("--sysctl \"\(sysctl.name)\": belongs to the whole machine, not to a pod")
            }
            guard newNamespaces.contains(namespace) else {
                throw UsageError("--sysctl \"\(sysctl.name)\": needs a new \(namespace.rawValue) namespace")
            }
        }
    }
}

/// What is wrong with a command line, in one line.
package struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
