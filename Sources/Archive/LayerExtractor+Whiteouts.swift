// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Deletions, in both forms.
extension LayerExtractor {
    /// Carries out `.wh.NAME`.
    func delete(_ name: RawName, in directory: EntryPath, for entry: String) throws(ArchiveError) {
        let parent = try resolver.directory(directory, for: entry)
        do throws(Errno) {
            switch whiteout {
            case .flatten:
                try prune(name, at: parent.rawValue)
                resolver.forget()
            case .overlay:
                try markDeleted(name, at: parent, directory)
            }
        } catch {
            throw ArchiveError(entry: entry, error)
        }
    }

    private func markDeleted(_ name: RawName, at parent: SharedFD, _ directory: EntryPath) throws(Errno) {
        do throws(Errno) {
            try Syscall.makeNode(
                name, mode: CLX_S_IFCHR | 0o000, device: DeviceNumber(major: 0, minor: 0), at: parent.rawValue)
            deletions[directory, default: []].append(name)
        } catch .EEXIST {
            // The same layer brings the name too, and that wins; of a directory only the layer's own content stays.
            guard try Syscall.linkStatus(name, at: parent.rawValue).isDirectory else { return }
            let made = try Syscall.open(name, [.path, .directory, .noFollow], at: parent.rawValue)
            try Whiteout.markOpaque(made.rawValue)
            opaque.insert(directory.appending(name.bytes))
        }
    }

    /// Carries out `.wh..wh..opq`.
    func hideBelow(_ directory: EntryPath, for entry: String) throws(ArchiveError) {
        let handle = try resolver.directory(directory, for: entry)
        do throws(Errno) {
            switch whiteout {
            case .overlay:
                try Whiteout.markOpaque(handle.rawValue)
                opaque.insert(directory)
            case .flatten:
                let readable = try Syscall.open(".", [.directory], at: handle.rawValue)
                for name in try Syscall.rawEntries(of: readable.rawValue) { try prune(name, at: handle.rawValue) }
                resolver.forget()
            }
        } catch {
            throw ArchiveError(entry: entry, error)
        }
    }

    /// In an opaque directory a deletion says nothing, and would be listed by readdir(3): overlayfs merges nothing
    /// there and so leaves nothing out.
    func removeDeletions(in directory: EntryPath) throws {
        guard let names = deletions[directory] else { return }
        let handle = try resolver.directory(directory, for: directory.description)
        for name in names {
            do throws(Errno) {
                guard try Syscall.linkStatus(name, at: handle.rawValue).isWhiteout else { continue }
                try Syscall.removeFile(name, at: handle.rawValue)
            } catch .ENOENT {
            } catch {
                throw ArchiveError(entry: name, error)
            }
        }
    }

    /// Removes a file or tree of lower layers; what this layer brought stays.
    private func prune(_ name: RawName, at directory: Int32) throws(Errno) {
        let status: FileStatus
        do throws(Errno) { status = try Syscall.linkStatus(name, at: directory) } catch .ENOENT { return }
        let isOurs = touched.contains(status.inode)
        guard status.isDirectory else {
            if !isOurs { try Syscall.removeFile(name, at: directory) }
            return
        }
        let opened = try Syscall.open(name, [.directory, .noFollow], at: directory)
        for inner in try Syscall.rawEntries(of: opened.rawValue) { try prune(inner, at: opened.rawValue) }
        guard !isOurs else { return }
        do throws(Errno) { try Syscall.removeDirectory(name, at: directory) } catch .ENOTEMPTY {}
    }

    /// Remembers that this layer brought the file. Its number is enough: all in the tree are on one file system.
    func markTouched(_ place: Place, for entry: String) throws(ArchiveError) {
        do throws(Errno) {
            touched.insert(try Syscall.linkStatus(place.name, at: place.directory.rawValue).inode)
        } catch {
            throw ArchiveError(entry: entry, error)
        }
    }
}
