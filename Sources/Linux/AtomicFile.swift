// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Files that are whole at every moment: a reader, or a machine that lost power, sees the old content or the new.
package enum AtomicFile {
    /// Writes a temporary file beside the path and renames it over. With `durable`, the bytes and the name are on disk
    /// when this returns (fsync(2) of file and directory); without, only the order is right. EEXIST where something is that
    /// is neither a file nor a link: the machine would lose its /dev/null.
    package static func write(
        _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644, durable: Bool = false
    ) throws(Errno) {
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { String(path[...$0]) } ?? "."
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let parent = try Syscall.open(directory, [.readOnly, .directory])
        if let old = try? Syscall.linkStatus(name, at: parent.rawValue), old.kind != .regular, !old.isSymlink {
            throw .EEXIST
        }
        let temporary = ".\(name).\(Syscall.processID).\(KernelClock.monotonic)"
        do throws(Errno) {
            let file = try Syscall.open(
                temporary, [.writeOnly, .create, .exclusive, .noFollow], mode: mode, at: parent.rawValue)
            try Syscall.changeMode(of: file.rawValue, mode)
            try file.writeAll(bytes)
            if durable { try file.sync() }
            try file.close()
            try Syscall.rename(temporary, at: parent.rawValue, name, at: parent.rawValue)
        } catch {
            // The first failure is the one to tell.
            do throws(Errno) { try Syscall.removeFile(temporary, at: parent.rawValue) } catch {}
            throw error
        }
        if durable { try parent.sync() }
    }

    /// The same for text.
    package static func write(
        _ path: String, _ text: String, mode: UInt32 = 0o644, durable: Bool = false
    ) throws(Errno) {
        try write(path, Array(text.utf8), mode: mode, durable: durable)
    }

    /// Removes what writers that were killed have left in a directory, in which nobody writes meanwhile. One that does not
    /// exist is clean.
    package static func removeLeftovers(in directory: String) throws(Errno) {
        let names: [String]
        do throws(Errno) { names = try Syscall.entries(directory) } catch .ENOENT { return }
        for name in names where isTemporary(name) { try Syscall.removeFile("\(directory)/\(name)") }
    }

    /// Whether `write` calls its temporary files so: a dot, the file's name, the process and the clock.
    static func isTemporary(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count >= 4 && parts[0].isEmpty && parts.suffix(2).allSatisfy { UInt64($0) != nil }
    }
}
