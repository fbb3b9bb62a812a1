// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What a tree of files takes on disk.
package struct TreeSize: Hashable, Sendable {
    package var bytes: UInt64 = 0
    package var inodes: UInt64 = 0

    package init() {}
}

extension Syscall {
    /// Measures a tree of any depth without following links or entering other file systems. A file with several names counts
    /// once; what goes away meanwhile is passed over, and so is what is in a directory deep down that is moved meanwhile.
    /// Throws when the tree itself cannot be read.
    package static func treeSize(_ path: String) throws(Errno) -> TreeSize {
        let top = SharedFD(try open(path, .directory))
        let status = try Self.status(of: top.rawValue)
        var tally = TreeTally(device: status.device)
        tally.add(status)
        try visitDirectories(below: top, passingOver: { _ in true }) { tally.addContent(of: $0) }
        return tally.size
    }
}

/// What was counted so far.
private struct TreeTally {
    let device: UInt64
    var size = TreeSize()
    private var seen: Set<UInt64> = []

    init(device: UInt64) { self.device = device }

    mutating func add(_ status: FileStatus) {
        if status.links > 1, !status.isDirectory, !seen.insert(status.inode).inserted { return }
        size.bytes += status.blocks * 512
        size.inodes += 1
    }

    /// Counts what is in a directory, and returns the directories among it.
    mutating func addContent(of directory: SharedFD) -> [RawName] {
        var directories: [RawName] = []
        // A directory that was removed has no entries any more.
        var entries = DirectoryEntries(of: directory.rawValue)
        while let name = try? entries.next() {
            guard let status = try? Syscall.linkStatus(name, at: directory.rawValue), status.device == device else {
                continue
            }
            add(status)
            if status.isDirectory { directories.append(name) }
        }
        return directories
    }
}
