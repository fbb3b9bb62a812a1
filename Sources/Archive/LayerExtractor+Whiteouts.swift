// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Deletions, in both forms.
extension LayerExtractor {
    /// Carries out `.wh.NAME`.
    func delete(_ name: RawName, in path: EntryPath, for entry: LayerEntry) throws(ArchiveError) {
        let parent = try directory(path, for: entry)
        try attempt(entry) { () throws(Errno) in
            switch whiteout {
            case .flatten:
                try prune(name, at: parent.handle.rawValue)
                resolver.forget()
            case .overlay: try markDeleted(name, at: parent.handle, parent.path)
            }
        }
    }

    private func markDeleted(_ name: RawName, at parent: SharedFD, _ directory: EntryPath) throws(Errno) {
        do throws(Errno) {
            try Syscall.makeNode(
                name, mode: CLX_S_IFCHR | 0o000, device: DeviceNumber(major: 0, minor: 0), at: parent.rawValue)
        } catch .EEXIST {
            // The same layer brings the name too, and that wins; of a directory only the layer's own content stays.
            guard try Syscall.linkStatus(name, at: parent.rawValue).isDirectory else { return }
            let made = try Syscall.open(name, [.path, .directory, .noFollow], at: parent.rawValue)
            try Whiteout.markOpaque(made.rawValue)
            try notes.hides(directory.appending(name.bytes))
        }
    }

    /// Carries out `.wh..wh..opq`.
    func hideBelow(_ path: EntryPath, for entry: LayerEntry) throws(ArchiveError) {
        let found = try directory(path, for: entry)
        let handle = found.handle
        try attempt(entry) { () throws(Errno) in
            switch whiteout {
            case .overlay:
                try Whiteout.markOpaque(handle.rawValue)
                try notes.hides(found.path)
            case .flatten:
                guard try touched.beginPruning(try Syscall.status(of: handle.rawValue)) else { return }
                let readable = try Syscall.open(".", [.directory], at: handle.rawValue)
                var entries = DirectoryEntries(of: readable.rawValue)
                while let name = try entries.next() { try prune(name, at: handle.rawValue) }
                resolver.forget()
            }
        }
    }

    /// In an opaque directory a deletion says nothing, and would be listed by readdir(3): overlayfs merges nothing
    /// there and so leaves nothing out.
    func removeDeletions(in directory: EntryPath) throws(ArchiveError) {
        guard let handle = try resolver.existing(directory, for: directory.description) else { return }
        do throws(Errno) {
            let readable = try Syscall.open(".", [.directory], at: handle.rawValue)
            var entries = DirectoryEntries(of: readable.rawValue)
            while let name = try entries.next() {
                guard try Syscall.linkStatus(name, at: handle.rawValue).isWhiteout else { continue }
                try Syscall.removeFile(name, at: handle.rawValue)
            }
        } catch {
            throw ArchiveError(entry: directory, error)
        }
    }

    /// Removes a file or tree of lower layers; what this layer brought stays.
    private func prune(_ name: RawName, at directory: Int32) throws(Errno) {
        let status: FileStatus
        do throws(Errno) { status = try Syscall.linkStatus(name, at: directory) } catch .ENOENT { return }
        let isOurs = try touched.contains(name, status, at: directory)
        guard status.isDirectory else {
            if !isOurs { try Syscall.removeFile(name, at: directory) }
            return
        }
        guard try touched.beginPruning(status) else { return }
        let opened = try Syscall.open(name, [.directory, .noFollow], at: directory)
        var entries = DirectoryEntries(of: opened.rawValue)
        while let inner = try entries.next() { try prune(inner, at: opened.rawValue) }
        guard !isOurs else { return }
        do throws(Errno) { try Syscall.removeDirectory(name, at: directory) } catch .ENOTEMPTY {}
    }

    /// Remembers that this layer brought the file.
    func markTouched(_ place: Place, by entry: LayerEntry) throws(ArchiveError) {
        try attempt(entry) { () throws(Errno) in
            let status = try Syscall.linkStatus(place.name, at: place.directory.rawValue)
            guard case .hardLink = entry.kind else { return try touched.insert(status) }
            try touched.insert(place.name, status, at: place.directory.rawValue)
        }
    }
}
