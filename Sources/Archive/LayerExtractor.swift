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
    /// Flatten: what this layer brought, which its own deletions do not touch.
    var touched = TouchedFiles()
    /// Overlay: links to files that only a layer below has, in their order, and the targets by their places.
    private(set) var pending: [(entry: LayerEntry, target: EntryPath, place: EntryPath)] = []
    private var targets: [EntryPath: EntryPath] = [:]
    var tally: UnpackTally
    /// The directory that something was made in last, and whether what is made there inherits.
    var giver: (directory: SharedFD, gives: Bool)?
    /// How much was looked through for replaced directories since this was asked last.
    private var searched = 0

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
        tally = UnpackTally(limits)
        let notes = DirectoryNotes()
        self.notes = notes
        resolver = TreeResolver(root: root, whiteouts: whiteout) { notes.made($0, hides: $1) }
    }

    let notes: DirectoryNotes

    /// What is known of directories beside their times. Shared with the resolver's callback.
    final class DirectoryNotes {
        /// Those that the archive used and did not bring, the root among them.
        var implied: Set<EntryPath> = [.root]
        /// Overlay: those that hide everything below.
        var opaque: Set<EntryPath> = []
        /// How many were made since this was asked last, and the steps of their paths together.
        private var news = (count: 0, steps: 0)

        func made(_ path: EntryPath, hides: Bool) {
            implied.insert(path)
            if hides { opaque.insert(path) }
            news.count += 1
            news.steps += path.components.count
        }

        func takeNews() -> (count: Int, steps: Int) {
            defer { news = (0, 0) }
            return news
        }
    }

    /// Unpacks all entries of the archive.
    package func take(_ reader: LayerReader) throws {
        while let entry = try reader.next() {
            try tally.add(entry)
            try extract(entry, from: reader)
            let news = notes.takeNews()
            try tally.addDirectories(news.count, steps: news.steps, unbrought: news.count)
            try tally.addSearched(searched)
            searched = 0
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
            try tally.add(size, of: entry)
            try makeFile(entry, size: size, at: place, from: reader)
        case .directory:
            try makeDirectory(entry, at: place)
            if directoryTimes.updateValue(entry.modified, forKey: path) == nil {
                try tally.addDirectories(1, steps: path.components.count, unbrought: 0)
            }
            notes.implied.remove(path)
        case .hardLink(let target): try makeHardLink(entry, to: target, at: place)
        case .symlink, .characterDevice, .blockDevice, .fifo: try makeNode(entry, at: place)
        }
        if whiteout == .flatten { try markTouched(place, by: entry) }
    }

    /// Where an entry goes.
    struct Place {
        let directory: SharedFD
        let name: RawName
        let path: EntryPath
    }

    /// Takes away what a file or directory that was just made has from the default access list of the directory it is in.
    func dropInherited(_ place: Place) throws(Errno) {
        if giver?.directory !== place.directory {
            giver = (place.directory, try InheritedACL.isGiven(by: place.directory.rawValue))
        }
        if giver?.gives == true { try InheritedACL.drop(of: place.name, at: place.directory.rawValue) }
    }

    /// Lets a hard link wait for the layers below. Its target may itself be a link that waits.
    func wait(_ entry: LayerEntry, for target: EntryPath, at place: EntryPath) throws(ArchiveError) {
        try tally.add(waiting: entry, steps: target.components.count + place.components.count)
        let first = targets[target] ?? target
        targets[place] = first
        pending.append((entry, first, place))
    }

    /// Removes what is at the place. The directories that go with it get no times at the end.
    func clear(_ place: Place) throws(Errno) {
        let kind = try Syscall.linkStatus(place.name, at: place.directory.rawValue).kind
        try Syscall.removeTree(place.name, at: place.directory.rawValue)
        guard kind == .directory || kind == .symlink else { return }
        resolver.forget()
        guard kind == .directory else { return }
        searched += directoryTimes.count + notes.opaque.count + notes.implied.count + pending.count + targets.count
        func stays(_ path: EntryPath) -> Bool { path != place.path && !path.isBelow(place.path) }
        directoryTimes = directoryTimes.filter { stays($0.key) }
        notes.opaque = notes.opaque.filter(stays)
        notes.implied = notes.implied.filter(stays)
        pending = pending.filter { stays($0.place) }
        targets = targets.filter { stays($0.key) }
    }

    /// An error of the kernel while an entry is written becomes one that names the entry.
    func attempt<Value>(_ entry: LayerEntry, _ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(entry: entry.displayName, error) }
    }
}
