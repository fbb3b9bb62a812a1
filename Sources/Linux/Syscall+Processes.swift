// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// The kinds of namespace, with the flags of clone(2). See namespaces(7).
package struct NamespaceFlags: OptionSet, Hashable, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let mount = NamespaceFlags(rawValue: CLX_CLONE_NEWNS)
    package static let cgroup = NamespaceFlags(rawValue: CLX_CLONE_NEWCGROUP)
    package static let uts = NamespaceFlags(rawValue: CLX_CLONE_NEWUTS)
    package static let ipc = NamespaceFlags(rawValue: CLX_CLONE_NEWIPC)
    package static let user = NamespaceFlags(rawValue: CLX_CLONE_NEWUSER)
    package static let pid = NamespaceFlags(rawValue: CLX_CLONE_NEWPID)
    package static let network = NamespaceFlags(rawValue: CLX_CLONE_NEWNET)
    package static let time = NamespaceFlags(rawValue: CLX_CLONE_NEWTIME)
}

/// How a child ended. See waitid(2).
package enum ExitStatus: Hashable, Sendable {
    case exited(Int32)
    case signaled(Int32)

    /// The code a shell would show: the exit status, or 128 and the signal's number.
    package var shellCode: Int32 {
        switch self {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }

    package var isSuccess: Bool { self == .exited(0) }

    init(_ raw: clx_exit) { self = raw.code == CLX_CLD_EXITED ? .exited(raw.status) : .signaled(raw.status) }

    /// In the form of wait(2): the signal in the lowest seven bits, or else the exit status in the second byte.
    init(waited status: Int32) {
        self = status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signaled(status & 0x7f)
    }
}

extension Syscall {
    /// The pid of the child, or nil in the child. Only for programs with one thread. The corresponding call is `fork(2)`.
    package static func fork() throws(Errno) -> Int32? {
        let pid = try Errno.check(clx_fork())
        return pid == 0 ? nil : pid
    }

    /// Like fork, but the child is the caller's sibling, a child of the same parent. Only for programs with one thread.
    /// The corresponding system call is `clone(2)` with CLONE_PARENT.
    package static func forkSibling() throws(Errno) -> Int32? {
        let pid = try Errno.check(clx_fork_sibling())
        return pid == 0 ? nil : pid
    }

    /// Like fork, into new namespaces and, where given, into a cgroup v2 directory. Only for programs with one thread.
    /// The corresponding system call is `clone3(2)`.
    package static func clone(
        _ namespaces: NamespaceFlags, asSibling: Bool = false, cgroup: Int32 = -1
    ) throws(Errno) -> (pid: Int32, pidfd: Int32)? {
        var pidfd: Int32 = -1
        // CLONE_NEWTIME shares its bit with the exit signal's field of clone(2), not of clone3(2).
        var flags = UInt64(UInt32(bitPattern: namespaces.rawValue))
        if asSibling { flags |= CLX_CLONE_PARENT }
        // With CLONE_PARENT the child sends what its new parent's other children send; a signal here is EINVAL.
        let pid = unsafe try Errno.check(clx_clone3(flags, &pidfd, cgroup, asSibling ? 0 : Signal.child.rawValue))
        return pid == 0 ? nil : (pid, pidfd)
    }

    /// Replaces the program; returns only by throwing. The corresponding system call is `execve(2)`.
    package static func execute(_ path: String, _ arguments: [String], environment: [String]) throws(Errno) -> Never {
        let result = unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(environment) { envp in unsafe clx_execve(path, argv, envp) }
        }
        throw Errno(rawValue: -result)
    }

    /// Runs the program behind the descriptor; returns only by throwing. The corresponding system call is
    /// `execveat(2)` with AT_EMPTY_PATH.
    package static func execute(
        descriptor: Int32, _ arguments: [String], environment: [String]
    ) throws(Errno) -> Never {
        let result = unsafe withCStrings(arguments) { argv in
            unsafe withCStrings(environment) { envp in
                unsafe clx_execveat(descriptor, "", argv, envp, CLX_AT_EMPTY_PATH)
            }
        }
        throw Errno(rawValue: -result)
    }

    /// Ends the process at once: no handlers of exit, no flushed buffers. The corresponding call is `_exit(2)`.
    package static func exitNow(_ status: Int32) -> Never { clx_exit_now(status) }

    /// The corresponding system call is `unshare(2)`.
    package static func unshare(_ namespaces: NamespaceFlags) throws(Errno) {
        try Errno.check(clx_unshare(namespaces.rawValue))
    }

    /// The corresponding system call is `setns(2)`; with empty flags any kind is entered.
    package static func enterNamespace(_ descriptor: Int32, _ kind: NamespaceFlags = []) throws(Errno) {
        try Errno.check(clx_setns(descriptor, kind.rawValue))
    }

    /// The corresponding system call is `kill(2)`.
    package static func kill(_ pid: Int32, _ signal: Signal) throws(Errno) {
        try Errno.check(clx_kill(pid, signal.rawValue))
    }

    /// Waits for a child: nil when `hang` is false and none has ended. ECHILD when there is no such child.
    /// The corresponding system call is `waitid(2)`; pid -1 stands for any child.
    package static func wait(_ pid: Int32, hang: Bool = true) throws(Errno) -> (pid: Int32, status: ExitStatus)? {
        var raw = clx_exit()
        let options = CLX_WEXITED | (hang ? 0 : CLX_WNOHANG)
        unsafe try Errno.check(clx_waitid(pid < 0 ? CLX_P_ALL : CLX_P_PID, max(pid, 0), &raw, options))
        return raw.pid == 0 ? nil : (raw.pid, ExitStatus(raw))
    }

    /// The corresponding system call is `setsid(2)`.
    package static func newSession() throws(Errno) { try Errno.check(clx_setsid()) }

    /// The corresponding system call is `getpid(2)`.
    package static var processID: Int32 { clx_getpid() }

    /// The corresponding system call is `getppid(2)`.
    package static var parentID: Int32 { clx_getppid() }

    /// The corresponding system call is `geteuid(2)`.
    package static var effectiveUserID: UInt32 { clx_geteuid() }

    /// The corresponding system call is `prctl(2)`; returns its result.
    @discardableResult
    package static func control(
        _ option: Int32, _ a2: UInt64 = 0, _ a3: UInt64 = 0, _ a4: UInt64 = 0, _ a5: UInt64 = 0
    ) throws(Errno) -> Int32 {
        try Errno.check(clx_prctl(option, a2, a3, a4, a5))
    }

    /// The name that ps shows, at most 15 bytes. The corresponding system call is `prctl(2)` with PR_SET_NAME.
    package static func setProcessName(_ name: String) throws(Errno) {
        unsafe try Errno.check(clx_prctl_str(CLX_PR_SET_NAME, name))
    }

    /// The corresponding system call is `sethostname(2)`.
    package static func setHostName(_ name: String) throws(Errno) {
        unsafe try Errno.check(clx_sethostname(name, name.utf8.count))
    }

    /// The corresponding system call is `setdomainname(2)`.
    package static func setDomainName(_ name: String) throws(Errno) {
        unsafe try Errno.check(clx_setdomainname(name, name.utf8.count))
    }

    /// The corresponding system call is `setgroups(2)`.
    package static func setGroups(_ groups: [UInt32]) throws(Errno) {
        unsafe try Errno.check(clx_setgroups(groups.count, groups))
    }

    /// Sets real, effective and saved user id. The corresponding system call is `setresuid(2)`.
    package static func setUser(_ uid: UInt32) throws(Errno) { try Errno.check(clx_setresuid(uid, uid, uid)) }

    /// Sets real, effective and saved group id. The corresponding system call is `setresgid(2)`.
    package static func setGroup(_ gid: UInt32) throws(Errno) { try Errno.check(clx_setresgid(gid, gid, gid)) }

    /// Sets a limit of a process, 0 for the caller. The corresponding system call is `prlimit(2)`.
    package static func setLimit(
        _ resource: Int32, soft: UInt64, hard: UInt64, process: Int32 = 0
    ) throws(Errno) {
        try Errno.check(clx_prlimit(process, resource, soft, hard))
    }

    /// The corresponding system call is `prlimit(2)`.
    package static func limit(_ resource: Int32) throws(Errno) -> (soft: UInt64, hard: UInt64) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        unsafe try Errno.check(clx_getrlimit(resource, &soft, &hard))
        return (soft, hard)
    }

    /// Makes every descriptor from `first` up close at exec. The corresponding system call is `close_range(2)`.
    package static func closeOnExec(from first: Int32) throws(Errno) {
        try Errno.check(clx_close_range(UInt32(first), .max, CLX_CLOSE_RANGE_CLOEXEC))
    }

    /// Closes every descriptor from `first` up, whoever owns it: for a forked child that keeps nothing.
    /// The corresponding system call is `close_range(2)`.
    package static func closeAll(from first: Int32) throws(Errno) {
        try Errno.check(clx_close_range(UInt32(first), .max, 0))
    }

    /// The same for those of a range; one that is empty closes nothing.
    package static func closeAll(in range: Range<Int32>) throws(Errno) {
        if range.isEmpty { return }
        try Errno.check(clx_close_range(UInt32(range.lowerBound), UInt32(range.upperBound - 1), 0))
    }

    /// A second descriptor of the same open file. The corresponding system call is `fcntl(2)` with F_DUPFD_CLOEXEC.
    package static func duplicate(_ descriptor: Int32) throws(Errno) -> OwnedFD {
        OwnedFD(adopting: try Errno.check(clx_dup_cloexec(descriptor)))
    }

    /// Makes `target` a copy that survives exec. The corresponding system call is `dup3(2)`.
    package static func duplicate(_ descriptor: Int32, onto target: Int32) throws(Errno) {
        if descriptor == target {
            try Errno.check(clx_fcntl(descriptor, CLX_F_SETFD, 0))
        } else {
            try Errno.check(clx_dup3(descriptor, target, 0))
        }
    }

    /// The corresponding system call is `chdir(2)`.
    package static func changeDirectory(_ path: String) throws(Errno) { unsafe try Errno.check(clx_chdir(path)) }

    /// The corresponding system call is `fchdir(2)`.
    package static func changeDirectory(to descriptor: Int32) throws(Errno) { try Errno.check(clx_fchdir(descriptor)) }

    /// The working directory; begins with `(unreachable)` when it lies outside the root. The corresponding call is
    /// `getcwd(3)`.
    package static func currentDirectory() throws(Errno) -> String {
        var buffer = [CChar](repeating: 0, count: 4097)
        unsafe try Errno.check(clx_getcwd(&buffer, buffer.count))
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Sets the file mode creation mask and returns the one before. The corresponding system call is `umask(2)`.
    @discardableResult
    package static func setCreationMask(_ mask: UInt32) -> UInt32 { clx_umask(mask) }

    /// Calls the body with a NULL-terminated array of C strings, as execve wants it.
    static func withCStrings<Value>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        // One block holds all the bytes; the pointers are made when it can no longer move.
        var block: [CChar] = []
        var starts: [Int] = []
        for string in strings {
            starts.append(block.count)
            block += string.utf8.map { CChar(bitPattern: $0) } + [0]
        }
        return unsafe block.withUnsafeMutableBufferPointer { bytes in
            var pointers: [UnsafeMutablePointer<CChar>?] = unsafe starts.map { start in
                unsafe bytes.baseAddress?.advanced(by: start)
            }
            unsafe pointers.append(nil)
            return unsafe pointers.withUnsafeBufferPointer { array in
                // An array with the terminator in it is never empty, so it has an address.
                guard let address = array.baseAddress else { preconditionFailure("empty pointer array") }
                return unsafe body(address)
            }
        }
    }
}
