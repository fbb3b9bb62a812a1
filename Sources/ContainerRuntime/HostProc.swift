// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The host's procfs, opened before any namespace is entered.
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

    /// The directory, for those who resolve below it themselves.
    var rawValue: Int32 { directory.rawValue }

    /// Writes an existing file below /proc, in one call.
    func write(_ path: String, _ text: String) throws(SystemError) {
        try SystemError.attempt("write \"\(text)\" to", "/proc/\(path)") { () throws(Errno) in
            let file = try Syscall.open(
                path, .writeOnly, at: directory.rawValue, resolve: [.beneath, .noMagicLinks])
            guard try Syscall.fileSystem(of: file.rawValue).type == RootfsBuilder.procFileSystem else {
                throw .ENODEV
            }
            try file.writeAll(text)
        }
    }
}
