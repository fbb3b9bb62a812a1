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
    let resolver: TreeResolver
    let notes: DirectoryNotes
    /// Where it unpacks.
    let path: String
    /// Whether something is left to the layers below. Where they are in the same directory, nothing is.
    package private(set) var needsLower = false
    /// Flatten: what this layer brought, which its own deletions do not touch.
    var touched: TouchedFiles
    var tally: UnpackTally
    /// The directory that something was made in last, and whether what is made there inherits.
    var giver: (directory: SharedFD, gives: Bool)?

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
        path = directory
        notes = try DirectoryNotes(in: directory)
        touched = try TouchedFiles(beside: "\(directory)/.")
        resolver = TreeResolver(root: root, whiteouts: whiteout)
    }

    /// Unpacks all entries of the archive.
    package func take(_ reader: LayerReader) throws {
        while let entry = try reader.next() {
            try tally.add(entry)
            try extract(entry, from: reader)
        }
        needsLower = try whiteout == .overlay && noted { () throws(Errno) in try notes.needsLower() }
    }

    /// The directory that an entry uses; what was made on the way is noted.
    func directory(_ path: EntryPath, for entry: LayerEntry) throws(ArchiveError) -> TreeResolver.Directory {
        let found = try resolver.directory(path, for: entry.displayName)
        try tally.pass(links: resolver.takePassed())
        let made = resolver.takeMade()
        if made.isEmpty { return found }
        try attempt(entry) { () throws(Errno) in
            for directory in made { try notes.made(directory.path, hides: directory.hides) }
        }
        let steps = made.reduce(0) { $0 + $1.path.components.count }
        try tally.addDirectories(made.count, steps: steps, unbrought: made.count)
        return found
    }

    /// An error of what is noted that has nothing to do with an entry.
    func noted<Value>(_ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(entry: ".", error) }
    }

    private func extract(_ entry: LayerEntry, from reader: LayerReader) throws {
        let path = try EntryPath(cleaning: entry.name, entry: entry.displayName)
        switch try Whiteout.mark(of: path, entry: entry.displayName) {
        case .none: try make(entry, at: path, from: reader)
        case .delete(let name): try delete(name, in: path.parent, for: entry)
        case .opaque: try hideBelow(path.parent, for: entry)
        case .housekeeping: break
        }
    }

    private func make(_ entry: LayerEntry, at path: EntryPath, from reader: LayerReader) throws {
        if path.isRoot, entry.kind != .directory {
            throw ArchiveError(.hostile, "unpack entry", entry.displayName, "it replaces the root of the layer")
        }
        let place = Place(path, in: try directory(path.parent, for: entry))
        switch entry.kind {
        case .file(let size):
            try tally.add(size, of: entry)
            try makeFile(entry, size: size, at: place, from: reader)
        case .directory:
            try makeDirectory(entry, at: place)
            if try attempt(entry, { () throws(Errno) in try notes.brought(place.path, entry.modified) }) {
                try tally.addDirectories(1, steps: place.path.components.count, unbrought: 0)
            }
        case .hardLink(let target): try makeHardLink(entry, to: target, at: place)
        case .symlink, .characterDevice, .blockDevice, .fifo: try makeNode(entry, at: place)
        }
        if whiteout == .flatten { try markTouched(place, by: entry) }
    }

    /// Where an entry goes.
    struct Place {
        let directory: SharedFD
        let name: RawName
        /// Without links, as all paths that are noted.
        let path: EntryPath

        init(_ path: EntryPath, in parent: TreeResolver.Directory) {
            directory = parent.handle
            name = path.name
            self.path = path.isRoot ? path : parent.path.appending(path.last)
        }
    }

    /// Takes away what a file or directory that was just made has from the default access list of the directory it is in.
    func dropInherited(_ place: Place) throws(Errno) {
        if giver?.directory !== place.directory {
            giver = (place.directory, try InheritedACL.isGiven(by: place.directory.rawValue))
        }
        if giver?.gives == true { try InheritedACL.drop(of: place.name, at: place.directory.rawValue) }
    }

    /// Removes what is at the place. The directories that go with it get no times at the end.
    func clear(_ place: Place) throws(Errno) {
        let kind = try Syscall.linkStatus(place.name, at: place.directory.rawValue).kind
        try Syscall.removeTree(place.name, at: place.directory.rawValue)
        guard kind == .directory || kind == .symlink else { return }
        resolver.forget()
        if kind == .directory { try notes.forget(place.path) }
    }

    /// An error of the kernel while an entry is written becomes one that names the entry.
    func attempt<Value>(_ entry: LayerEntry, _ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(entry: entry.displayName, error) }
    }
}
