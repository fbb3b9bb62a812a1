// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Keeps the runtime's own file out of the reach of containers (CVE-2019-5736).
///
/// A container can name `/proc/self/exe` as its program or as the interpreter of a script. Then the kernel executes the
/// runtime's file inside the container, as a process which the container may look into, and through whose link it may
/// open the file and write to it. No check before the execution can prevent that. So the commands which start a process
/// in a container first execute themselves again from a handle through which nobody can write: a detached read-only
/// mount of the file (CProtection does that, even before the C library begins), or where mounting is not permitted a
/// sealed copy in memory. Neither has a path.
///
/// Besides, the process that enters a container is not dumpable, so that none of its descriptors can be stolen.
package enum SelfProtection {
    private static let marker = "_SKIFFRUN_PROTECTED=1"

    /// Returns when the running file is safe, and executes it again otherwise.
    package static func ensure(arguments: [String], environment: [String]) throws {
        let executable = try SystemError.attempt("open", "/proc/self/exe") { () throws(Errno) in
            try Syscall.open("/proc/self/exe", .readOnly)
        }
        if Syscall.isSealed(executable.rawValue) || isReadOnly(executable) || isOutOfReach(executable) { return }
        guard !environment.contains(marker) else { throw RuntimeError("cannot protect /proc/self/exe") }
        let safe = try readOnlyHandle() ?? sealedCopy(executable)
        do throws(Errno) {
            try Syscall.execute(descriptor: safe.rawValue, arguments, environment: environment + [marker])
        } catch {
            throw SystemError("execute", "protected copy", error)
        }
    }

    /// The environment that this program was started with, entries as they are, `NAME=value`: the kernel's copy.
    package static func environment() -> [String] {
        // Without /proc nothing here would work; what comes next says so itself.
        let bytes = (try? Syscall.readFile("/proc/self/environ")) ?? []
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// ST_RDONLY of statfs(2): the mount or the whole file system.
    private static func isReadOnly(_ file: borrowing OwnedFD) -> Bool {
        do throws(Errno) {
            return try Syscall.fileSystem(of: file.rawValue).flags & 1 != 0
        } catch {
            return false
        }
    }

    /// A user without rights on the host, whose containers have none either, cannot write to a file that root keeps for
    /// itself. Otherwise every start would copy the program.
    private static func isOutOfReach(_ file: borrowing OwnedFD) -> Bool {
        guard Syscall.effectiveUserID != 0, let status = try? file.status() else { return false }
        return status.uid == 0 && status.permissions & 0o022 == 0
    }

    /// What CProtection does for skiffrun, earlier.
    private static func readOnlyHandle() -> OwnedFD? {
        do throws(Errno) {
            let mount = try Syscall.openTree("/proc/self/exe", clone: true)
            try Syscall.setMountAttributes("", at: mount.rawValue, set: .readOnly)
            return mount
        } catch {
            // No right to mount, or an old kernel: the copy needs neither.
            return nil
        }
    }

    private static func sealedCopy(_ executable: borrowing OwnedFD) throws -> OwnedFD {
        try SystemError.attempt("copy", "/proc/self/exe") { () throws(Errno) in
            let copy = try Syscall.memoryFile("skiffrun")
            while true {
                let bytes = try executable.read(upTo: 1 << 20)
                if bytes.isEmpty { break }
                try copy.writeAll(bytes)
            }
            try Syscall.seal(copy.rawValue)
            return copy
        }
    }
}
