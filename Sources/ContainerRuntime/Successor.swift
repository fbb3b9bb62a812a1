// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The last step of a process that comes into a PID namespace in which others are already.
///
/// To a neighbour with CAP_SYS_PTRACE a process is open from the moment on that it has a number in the neighbour's PID
/// namespace: by `/proc/PID/root`, `/proc/PID/fd` and `/proc/PID/ns`, and because the neighbour may make it do anything
/// that it has the right to. That it is not dumpable does not help where neither is in a user namespace. So what comes
/// from the host enters a PID namespace last. Its maker stays outside and does everything: it joins the other
/// namespaces, goes to the container's root, closes what is the host's, gives up its rights. Only then it has its
/// successor born inside, which is in no point more than the program that it executes.
final class Successor {
    /// See pid_namespaces(7): "no memory" is what the kernel says of a namespace without a first process.
    static let lackOfFirstProcess = "(has the first process of the PID namespace ended?)"

    private let announced: OwnedFD
    private var announcing: SharedFD?

    /// While nothing forbids to make a pipe.
    init() throws(SystemError) {
        do throws(Errno) {
            var pipe = try Pipe()
            guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw .EBADF }
            announced = reader
            announcing = SharedFD(writer)
        } catch {
            throw SystemError("create", "pipe", error)
        }
    }

    /// Returns in the successor, a child of the caller's parent, once that has been told of it; the caller ends. The
    /// children of the caller are born in the PID namespace already. A filter of system calls may be in force.
    func bear(_ channel: borrowing InitEndpoint, isFiltered: Bool) throws {
        // The change of ids has made the process as dumpable as the system says.
        try SystemError.attempt("protect", "process") { () throws(Errno) in try Syscall.setDumpable(false) }
        if let pid = try clone(isFiltered: isFiltered) {
            try channel.announceSpawned(pid)
            try SystemError.attempt("tell", "process \(pid)") { () throws(Errno) in
                try announcing?.descriptor.writeAll([1])
            }
            Syscall.exitNow(0)
        }
        announcing = nil
        let word = try SystemError.attempt("wait for", "maker") { () throws(Errno) in try announced.read(upTo: 1) }
        // Killed before it said a word: nobody would know of this process.
        if word.isEmpty { Syscall.exitNow(1) }
    }

    private func clone(isFiltered: Bool) throws -> Int32? {
        do throws(Errno) {
            return try Syscall.forkSibling()
        } catch .EAGAIN {
            throw RuntimeError("clone process: \(Errno.EAGAIN) (is the container's limit of processes reached?)")
        } catch .ENOMEM {
            throw RuntimeError("clone process: \(Errno.ENOMEM) \(Self.lackOfFirstProcess)")
        } catch  where isFiltered {
            let need = "without noNewPrivileges the seccomp profile must allow clone"
            throw RuntimeError("clone process: \(error) (\(need))")
        } catch {
            throw SystemError("clone", "process", error)
        }
    }
}
