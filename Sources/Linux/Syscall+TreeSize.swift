// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What a tree of files takes on disk.
package struct TreeSize: Hashable, Sendable {
    package var bytes: UInt64 = 0
    package var inodes: UInt64 = 0

    package init() {}
}

extension Syscall {
    /// Measures a tree without following links or entering other file systems. A file with several names counts once;
    /// what goes away meanwhile is passed over. Throws when the tree itself cannot be read.
    package static func treeSize(_ path: String) throws(Errno) -> TreeSize {
        let root = try open(path, .directory)
        let status = try Self.status(of: root.rawValue)
        var size = TreeSize()
        var seen: Set<UInt64> = []
        add(status, to: &size, &seen)
        measure(root.rawValue, device: status.device, &size, &seen)
        return size
    }

    private static func measure(
        _ directory: Int32, device: UInt64, _ size: inout TreeSize, _ seen: inout Set<UInt64>
    ) {
        // A directory that was removed has no entries any more.
        guard let names = try? entryBytes(of: directory) else { return }
        for bytes in names {
            let name = RawName(bytes)
            guard let status = try? linkStatus(name, at: directory), status.device == device else { continue }
            add(status, to: &size, &seen)
            guard status.isDirectory, let inner = try? open(name, [.directory, .noFollow], at: directory) else {
                continue
            }
            measure(inner.rawValue, device: device, &size, &seen)
        }
    }

    private static func add(_ status: FileStatus, to size: inout TreeSize, _ seen: inout Set<UInt64>) {
        if status.links > 1, !status.isDirectory, !seen.insert(status.inode).inserted { return }
        size.bytes += status.blocks * 512
        size.inodes += 1
    }
}
