// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// Unpacks one layer below a directory. The archive is a stranger's: nothing it says leads out of the directory.
///
/// - A name that is absolute or climbs above the root, and a link on the way that does, end with `.hostile`.
/// - A file is made new (O_EXCL, O_NOFOLLOW) after whatever was there is removed, so no write goes through a link.
/// - Devices 0:0 and overlayfs's attributes, by which an archive could forge deletions, are refused and ignored.
/// - Owner, then mode, then attributes: chown(2) clears setuid bits and file capabilities. Directories get their times
///   at the end, when nothing is put into them any more.
package final class LayerExtractor: LayerWriter {
    let root: SharedFD
    let whiteout: Whiteout
    var summary = LayerSummary()
    /// Overlay: checksums of the contents that were written, by inode.
    var contents: [UInt64: UInt64] = [:]
    private(set) var resolver: TreeResolver
    var directoryTimes: [EntryPath: Timestamp] = [:]
    /// Overlay: deletions by the directory they are in, and the directories that hide everything below.
    var deletions: [EntryPath: [RawName]] = [:]
    var opaque: Set<EntryPath> = []
    /// Flatten: what this layer brought, which its own deletions do not touch.
    var touched: Set<UInt64> = []

    /// Overlay: links to files that only a layer below has.
    var pending: [(entry: LayerEntry, target: EntryPath, place: EntryPath)] = []
    private let limits: UnpackLimits
    private var entries = 0
    private var bytes: Int64 = 0

    /// Unpacks below the directory, which is opened; it must be there. The same whiteouts for a directory in overlay
    /// form, which starts empty, and for one that holds lower layers.
    package init(
        into directory: String, whiteout: Whiteout, limits: UnpackLimits = UnpackLimits()
    ) throws(ArchiveError) {
        do throws(Errno) {
            root = SharedFD(try Syscall.open(directory, [.path, .directory]))
        } catch {
            throw ArchiveError(.io, "open directory", directory, error.description)
        }
        self.whiteout = whiteout
        self.limits = limits
        let made = Implied()
        self.made = made
        resolver = TreeResolver(root: root, whiteouts: whiteout) { made.paths.insert($0) }
    }

    /// The directories that the archive used and did not bring, the root among them.
    let made: Implied

    /// Shared with the resolver's callback.
    final class Implied { var paths: Set<EntryPath> = [.root] }

    /// Unpacks all entries of the archive.
    package func take(_ reader: LayerReader) throws {
        while let entry = try reader.next() {
            entries += 1
            try limits.check(entries: entries)
            try extract(entry, from: reader)
        }
    }

    private func extract(_ entry: LayerEntry, from reader: LayerReader) throws {
        let path = try EntryPath(cleaning: entry.name, entry: entry.displayName)
        switch try Whiteout.mark(of: path, entry: entry.displayName) {
        case .none: try make(entry, at: path, from: reader)
        case .delete(let name): try delete(name, in: path.parent, for: entry.displayName)
        case .opaque: try hideBelow(path.parent, for: entry.displayName)
        case .housekeeping: break
        }
    }

    private func make(_ entry: LayerEntry, at path: EntryPath, from reader: LayerReader) throws {
        if path.isRoot, entry.kind != .directory {
            throw ArchiveError(.hostile, "unpack entry", entry.displayName, "it replaces the root of the layer")
        }
        let parent = try resolver.directory(path.parent, for: entry.displayName)
        let place = Place(directory: parent, name: path.name, path: path)
        switch entry.kind {
        case .file(let size):
            try limits.check(bytes: bytes, and: size, of: entry)
            bytes += size
            try makeFile(entry, size: size, at: place, from: reader)
        case .directory:
            try makeDirectory(entry, at: place)
            directoryTimes[path] = entry.modified
            made.paths.remove(path)
        case .hardLink(let target): try makeHardLink(entry, to: target, at: place)
        case .symlink, .characterDevice, .blockDevice, .fifo: try makeNode(entry, at: place)
        }
        if whiteout == .flatten { try markTouched(place, for: entry.displayName) }
    }

    /// Where an entry goes.
    struct Place {
        let directory: SharedFD
        let name: RawName
        let path: EntryPath
    }

    /// Removes what is at the place. The directories that go with it get no times at the end.
    func clear(_ place: Place) throws(Errno) {
        try Syscall.removeTree(place.name, at: place.directory.rawValue)
        resolver.forget()
        if directoryTimes.keys.contains(where: { $0 == place.path || $0.isBelow(place.path) }) {
            directoryTimes = directoryTimes.filter { $0.key != place.path && !$0.key.isBelow(place.path) }
        }
        opaque = opaque.filter { $0 != place.path && !$0.isBelow(place.path) }
        made.paths = made.paths.filter { $0 != place.path && !$0.isBelow(place.path) }
    }

    /// An error of the kernel while an entry is written becomes one that names the entry.
    func attempt<Value>(_ entry: LayerEntry, _ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(entry: entry.displayName, error) }
    }
}
