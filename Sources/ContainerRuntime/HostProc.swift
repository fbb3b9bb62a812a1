// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A procfs that nobody else can have mounted over: the host's, opened before any namespace is entered, or one of its
/// own that is mounted nowhere.
///
/// Everything that is written to /proc goes through this handle: a container's own /proc may be a trap that swallows or
/// redirects the write (CVE-2019-16884, CVE-2025-52881).
struct HostProc: Sendable {
    private let directory: SharedFD

    init() throws {
        directory = try SystemError.attempt("open", "/proc") { () throws(Errno) in
            let opened = try Syscall.open("/proc", [.path, .directory])
            guard try Syscall.fileSystem(of: opened.rawValue).type == RootfsBuilder.procFileSystem else {
                throw .ENODEV
            }
            return SharedFD(opened)
        }
    }

    /// The procfs of the caller's own PID namespace. A process that is on its way into a container must not have the
    /// host's open: neighbours with CAP_SYS_PTRACE could walk through it to the root of every process of the host.
    /// nil where the kernel does not allow it; user namespaces may not where a part of the host's is covered.
    static func ofOwnNamespace() -> HostProc? {
        do throws(Errno) {
            let context = try Syscall.openFileSystem("proc")
            return HostProc(SharedFD(try Syscall.createMount(context.rawValue)))
        } catch {
            return nil
        }
    }

    private init(_ directory: SharedFD) { self.directory = directory }

    /// The directory, for those who resolve below it themselves.
    var rawValue: Int32 { directory.rawValue }

    /// The user namespace of a process.
    func userNamespace(of pid: Int32) throws(SystemError) -> OwnedFD {
        try SystemError.attempt("open", "/proc/\(pid)/ns/user") { () throws(Errno) in
            try Syscall.open("\(pid)/ns/user", .readOnly, at: directory.rawValue)
        }
    }

    /// Writes an existing file below /proc, in one call. A file that something is mounted over is refused, even if that
    /// is another file of procfs: the write would do something else there.
    func write(_ path: String, _ text: String) throws(SystemError) {
        try SystemError.attempt("write \"\(text)\" to", "/proc/\(path)") { () throws(Errno) in
            let file = try Syscall.open(
                path, .writeOnly, at: directory.rawValue, resolve: [.beneath, .noMagicLinks, .noCrossDevice])
            guard try Syscall.fileSystem(of: file.rawValue).type == RootfsBuilder.procFileSystem else {
                throw .ENODEV
            }
            try file.writeAll(text)
        }
    }
}
