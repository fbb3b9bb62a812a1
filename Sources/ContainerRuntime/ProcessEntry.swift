// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Confinement
internal import Linux

/// The way of a process, which is in the container's namespaces and root already, to its program. The same for the
/// container's own process and for one that joins it.
struct ProcessEntry: Sendable {
    let plan: ProcessPlan
    let confinement: ProcessConfinement
    /// Where labels are written; nil when there are none.
    var proc: HostProc?
    /// Name of a new session keyring; nil keeps the caller's.
    let keyring: String?
    /// Descriptors 3 ..< 3 + N stay open in the program.
    let preservedDescriptors: Int32
    /// The process that runs the program is to be born in a PID namespace of others, by `succeed`.
    let hasSuccessor: Bool

    /// What is executed in the end, looked up while nothing of the container's limits binds yet.
    struct Program {
        var path: String
        var environment: [String]
    }

    /// The terminal or the streams that the runtime was given.
    func openStreams(_ channel: borrowing InitEndpoint, ownsConsole: Bool) throws {
        if plan.hasTerminal {
            try ContainerTerminal.open(plan, channel, bindConsole: ownsConsole)
        } else {
            try StandardStreams.adopt(uid: plan.uid)
        }
        try joinKeyring()
    }

    /// A session of its own, with the terminal if there is one. It belongs to a PID namespace, as the process does.
    func openSession() throws {
        try SystemError.attempt("create", "session") { () throws(Errno) in
            try Syscall.newSession()
            if plan.hasTerminal { try Terminal.makeControlling(0) }
        }
    }

    /// Keys of the host's session must not be readable. A kernel without keyrings has none to leak.
    private func joinKeyring() throws {
        guard let keyring else { return }
        if let proc { for label in plan.labels { try label.applyToKeys(proc: proc.rawValue) } }
        do throws(Errno) {
            try Syscall.joinSessionKeyring(keyring)
        } catch .ENOSYS {
        } catch {
            throw SystemError("join session keyring", keyring, error)
        }
    }

    /// The last use of a procfs. From here on the process has nothing open but its streams, what it passes on,
    /// and the descriptors that it waits with.
    func leaveHost(keeping waiting: [Int32]) throws {
        if let proc { for label in plan.labels { try label.apply(proc: proc.rawValue) } }
        try DescriptorTable.close(except: waiting, preserving: preservedDescriptors)
    }

    /// Gives up every right that the process shall not have.
    func takeIdentity(_ channel: borrowing InitEndpoint) throws {
        try applyPersonality()
        try plan.memoryPolicy?.apply()
        if plan.noNewPrivileges {
            try SystemError.attempt("set", "no_new_privs") { () throws(Errno) in try Syscall.forbidNewPrivileges() }
        }
        // Directories that root alone may enter are entered as root, those that only the user may enter as the user.
        let arrived = try changeDirectory(isLastTry: false)
        if filterTime == .beforeIdentity { try loadFilter(channel) } else { try confinement.raiseLimits() }
        try confinement.dropBoundingSet()
        try changeUser()
        try confinement.applyCapabilities()
        if !arrived { _ = try changeDirectory(isLastTry: true) }
        try refuseOutsideDirectory()
        Syscall.setCreationMask(plan.umask)
    }

    /// Goes on in the PID namespace of the container, where that is not the caller's, and finds the program with the
    /// rights that are left; its path may lead through /proc/self.
    func succeed(_ successor: Successor?, _ channel: borrowing InitEndpoint) throws -> Program {
        if let successor {
            try successor.bear(channel, isFiltered: filterTime == .beforeIdentity)
            try openSession()
            // Where others run as the same user, the maker could not have made anybody under this limit.
            if filterTime == .beforeIdentity { try confinement.applyLimits(.births) }
        }
        let program = Program(
            path: try ExecutableLookup.find(plan.arguments[0], environment: plan.environment),
            environment: UserDatabase.completing(plan.environment, uid: plan.uid))
        if filterTime == .afterIdentity { try loadFilter(channel) }
        return program
    }

    enum FilterTime {
        /// Without no_new_privs the filter needs CAP_SYS_ADMIN, which the process gives up.
        case beforeIdentity
        /// The runtime must still be there to take the listener.
        case afterIdentity
        /// Nothing but the execution needs system calls any more.
        case atExecution
    }

    var filterTime: FilterTime {
        if !confinement.hasFilter { return .atExecution }
        if !plan.noNewPrivileges { return .beforeIdentity }
        return confinement.listener == nil ? .atExecution : .afterIdentity
    }

    /// Limits first: the filter may forbid to set them.
    private func loadFilter(_ channel: borrowing InitEndpoint) throws {
        try confinement.applyLimits(hasSuccessor && filterTime == .beforeIdentity ? .others : .all)
        guard let listener = try confinement.loadFilter() else { return }
        try channel.hand(listener: listener.rawValue)
    }

    /// Becomes the program.
    func execute(_ program: Program) throws -> Never {
        try SystemError.attempt("reset", "signals") { () throws(Errno) in
            for number: Int32 in 1...64 where number != 9 && number != 19 && number != 32 && number != 33 {
                try Signal(rawValue: number).restoreDefault()
            }
            try SignalSet.none.install()
        }
        if filterTime == .atExecution {
            // Limits bind at once: nothing but the filter and the execution comes after them.
            try confinement.applyLimits()
            _ = try confinement.loadFilter()
        }
        try SystemError.attempt("exec", program.path) { () throws(Errno) -> Never in
            try Syscall.execute(program.path, plan.arguments, environment: program.environment)
        }
    }

    private func applyPersonality() throws {
        guard let personality = plan.personality else { return }
        try SystemError.attempt("set", "personality") { () throws(Errno) in try Syscall.setPersonality(personality) }
    }

    private func changeUser() throws {
        try SystemError.attempt("set ids to", "\(plan.uid):\(plan.gid)") { () throws(Errno) in
            try Syscall.keepCapabilities(true)
            if !plan.keepsGroups { try Syscall.setGroups(plan.groups) }
            try Syscall.setGroup(plan.gid)
            try Syscall.setUser(plan.uid)
            try Syscall.keepCapabilities(false)
        }
    }

    private func changeDirectory(isLastTry: Bool) throws -> Bool {
        do throws(Errno) {
            try Syscall.changeDirectory(plan.workingDirectory)
            return true
        } catch .EACCES where !isLastTry {
            return false
        } catch {
            throw RuntimeError(
                "chdir to cwd (\"\(plan.workingDirectory)\") set in config.json failed: \(error)")
        }
    }

    /// A working directory behind a leaked descriptor would be outside of the container (CVE-2024-21626).
    private func refuseOutsideDirectory() throws {
        do throws(Errno) {
            guard try Syscall.currentDirectory().hasPrefix("/") else { throw .EXDEV }
        } catch .ENOENT {
            throw RuntimeError(
                "current working directory has been removed, perhaps with the container's root")
        } catch {
            throw RuntimeError("current working directory is outside of container mount namespace root")
        }
    }
}
