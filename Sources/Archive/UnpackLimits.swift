// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// How much an archive may bring: more is an attack or a mistake, and would fill disk and memory.
package struct UnpackLimits: Hashable, Sendable {
    /// Entries of all kinds, and directories that they use and no entry brings.
    package var entries = 4_000_000
    /// Sizes of all files together, holes included.
    package var bytes: Int64 = 1 << 40
    /// Space for what is kept until the layer is complete: names, targets of links, attributes of directories. It is
    /// reckoned, and enough for the most entries when their names are as long as those of real images. Only a part of it is in
    /// memory, see `PageStore`.
    package var memory = 512 << 20
    /// Lengths of the targets of symbolic links together, each as often as a name leads through it: a few bytes of an archive
    /// may be a long way to go, and the same way for the next name.
    package var links = 32 << 20
    /// The plain stream may be so many times as long as the compressed one...
    package var ratio: Int64 = 400
    /// ...once it is longer than this.
    package var ratioFrom: Int64 = 1 << 30

    /// Whether devices and fifos may be among the entries.
    package var allowsNodes = true

    /// Directories within each other. What walks through trees has a descriptor for each, and a place on a stack.
    static let depth = 256
    /// Symbolic links on the way to one name, as the kernel follows them: path_resolution(7).
    static let linksOfName = 40

    package init() {}

    /// Throws `.tooLarge` when an entry wants more directories within each other.
    static func check(depth: Int, of entry: @autoclosure () -> String) throws(ArchiveError) {
        guard depth > Self.depth else { return }
        let reason = "it is in more than \(Self.depth) directories, one in the other"
        throw ArchiveError(.tooLarge, "unpack entry", entry(), reason)
    }
}

/// What an archive has brought so far, held against the limits.
struct UnpackTally {
    private let limits: UnpackLimits
    private var entries = 0
    private var bytes: Int64 = 0
    private var memory = 0
    private var passed = 0

    init(_ limits: UnpackLimits) { self.limits = limits }

    /// Another entry. Throws `.tooLarge`, like all of these, when that is too much.
    mutating func add(_ entry: LayerEntry) throws(ArchiveError) {
        try addEntries(1)
        switch entry.kind {
        case .characterDevice, .blockDevice, .fifo:
            guard limits.allowsNodes else { throw entry.fault(.hostile, "it is a device or a fifo") }
        case .file, .directory, .symlink, .hardLink: break
        }
        var size = 64 + min(entry.name.count, 255)
        if case .symlink(let target) = entry.kind { size += target.count }
        try keep(size)
    }

    /// A hard link whose file is in a layer below: all of the entry waits for it, with paths of so many steps together.
    mutating func add(waiting entry: LayerEntry, steps: Int) throws(ArchiveError) {
        try keep(512 + entry.name.count + 64 * steps)
        try add(entry.attributes)
    }

    /// A file of that size.
    mutating func add(_ size: Int64, of entry: LayerEntry) throws(ArchiveError) {
        guard size >= 0 else { throw entry.fault(.corrupt, "its size is negative") }
        guard size <= limits.bytes - bytes else {
            throw entry.fault(.tooLarge, "the files of the layer have more than \(limits.bytes) bytes together")
        }
        bytes += size
    }

    /// Directories that have so many steps in their paths together; `unbrought` are those that no entry stands for.
    mutating func addDirectories(_ count: Int, steps: Int, unbrought: Int) throws(ArchiveError) {
        try addEntries(unbrought)
        // A step of a path takes 32 bytes.
        try keep(count * 256 + steps * 32)
    }

    /// A name led through symbolic links whose targets have that length together.
    mutating func pass(links count: Int) throws(ArchiveError) {
        passed += count
        guard passed > limits.links else { return }
        let reason = "its names lead through symbolic links with more than \(limits.links) bytes together"
        throw ArchiveError(.tooLarge, "unpack layer", "", reason)
    }

    /// Attributes that are kept.
    mutating func add(_ attributes: [LayerEntry.Attribute]) throws(ArchiveError) {
        try keep(attributes.reduce(0) { $0 + 96 + $1.name.count + $1.value.count })
    }

    private mutating func addEntries(_ count: Int) throws(ArchiveError) {
        entries += count
        guard entries > limits.entries else { return }
        throw ArchiveError(.tooLarge, "unpack layer", "", "it has more than \(limits.entries) entries")
    }

    private mutating func keep(_ count: Int) throws(ArchiveError) {
        memory += count
        guard memory > limits.memory else { return }
        let reason = "its names and links take more than \(limits.memory) bytes of memory"
        throw ArchiveError(.tooLarge, "unpack layer", "", reason)
    }
}
