// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// The program `skiffmon`.
package enum PodMonitor {
    /// Runs a monitor with these arguments, without the program's name, and returns its exit status: 0 after an orderly
    /// shutdown, 1 after a failure, 2 after wrong usage. The ready descriptor hears `ready`, or `error: ...` once
    /// everything that was made is undone.
    package static func run(_ arguments: [String]) -> Int32 {
        if arguments == ["--help"] || arguments == ["-h"] {
            write(MonitorOptions.usage, to: 1)
            return 0
        }
        do {
            let options = try MonitorOptions(parsing: arguments)
            try fillStandardDescriptors()
            return serve(options, try ReadyPipe(taking: options.readyDescriptor))
        } catch let error as UsageError {
            write("skiffmon: \(error)\n\(MonitorOptions.usage)", to: 2)
            return 2
        } catch {
            write("skiffmon: use ready descriptor: \(error)\n", to: 2)
            return 1
        }
    }

    private static func serve(_ options: MonitorOptions, _ readyPipe: ReadyPipe) -> Int32 {
        do {
            let log = try MonitorLog(pod: options.pod, path: options.logFile)
            try becomeMonitor(options)
            let protection = OOMProtection()
            let resources = try PodResources(options)
            do {
                return try MonitorLoop(
                    options: options, log: log, resources: resources, protection: protection, readyPipe: readyPipe
                ).run()
            } catch {
                try resources.remove()
                throw error
            }
        } catch {
            // Whoever started it may have stopped listening.
            _ = try? readyPipe.tell("error: \(error)\n")
            write("skiffmon: \(error)\n", to: 2)
            return 1
        }
    }

    /// A session of its own, the parent of all orphans below, in its cgroups, and deaf to signals.
    private static func becomeMonitor(_ options: MonitorOptions) throws {
        for path in options.cgroups { try join(path) }
        // Executed from a protected copy, it would have the name of a descriptor.
        try Syscall.setProcessName("skiffmon")
        // The one failure, EPERM, means that it leads a session already.
        _ = try? Syscall.newSession()
        try Syscall.changeDirectory("/")
        Syscall.setCreationMask(0o022)
        try Syscall.control(CLX_PR_SET_CHILD_SUBREAPER, 1)
        try useNullDevice(keepsErrors: options.logFile == nil)
        // The loop reads those it cares for.
        try SignalSet.all.block()
    }

    /// Enters a cgroup of any hierarchy. By `tasks`, which only v1 has, a thread moves itself without a grace period of RCU;
    /// in the unified hierarchy a process is where it was born, if its parent could see to that.
    private static func join(_ path: String) throws {
        try SystemError.attempt("join cgroup", path) { () throws(Errno) in
            do throws(Errno) {
                return try Syscall.writeExisting("\(path)/tasks", "0")
            } catch .ENOENT {
            } catch {
                throw error
            }
            let members = try Syscall.readText("\(path)/cgroup.procs")
            if members.split(separator: "\n").contains("\(Syscall.processID)") { return }
            try Syscall.writeExisting("\(path)/cgroup.procs", "0")
        }
    }

    private static func useNullDevice(keepsErrors: Bool) throws(Errno) {
        let null = try Syscall.open("/dev/null", .readWrite)
        for number: Int32 in 0...(keepsErrors ? 1 : 2) { try Syscall.duplicate(null.rawValue, onto: number) }
    }

    /// Whoever started the program with one of them closed would see other files take its number.
    private static func fillStandardDescriptors() throws(Errno) {
        while true {
            let null = try Syscall.open("/dev/null", .readWrite).release()
            if null > 2 { return try OwnedFD(adopting: null).close() }
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        // There is nobody left to tell.
        do throws(Errno) { try Syscall.writeAll(descriptor, Array(text.utf8)) } catch {}
    }
}
