// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Files that an archive only links to: they are to be copied from the layers below.
///
///     64 bits    a number, whose meaning is the user's
///     64 bits    from the lowest 16 on, the lengths of the path of the file, the name of the entry, and the last name of the
///                link, which follow
struct WaitingLinks {
    private var bytes: PagedBytes

    /// None yet.
    init(in store: PageStore) { bytes = PagedBytes(in: store) }

    var isEmpty: Bool { bytes.count == 0 }
    /// Behind the last place.
    var end: Int { bytes.count }

    /// Adds a file that an entry of that name links to, and returns its place.
    mutating func add(
        _ path: EntryPath, _ name: [UInt8], from link: ArraySlice<UInt8> = [], number: UInt64 = 0
    ) throws(ArchiveError) -> Int {
        let path = path.joined.bytes
        let place = try bytes.append(number)
        try bytes.append(UInt64(path.count) | UInt64(name.count) << 16 | UInt64(link.count) << 32)
        try bytes.append(path)
        try bytes.append(name[...])
        try bytes.append(link)
        return place
    }

    private func lengths(_ place: Int) throws(ArchiveError) -> (path: Int, name: Int, link: Int) {
        let lengths = try bytes.number(at: place + 8)
        return (Int(lengths & 0xFFFF), Int(lengths >> 16 & 0xFFFF), Int(lengths >> 32 & 0xFFFF))
    }

    /// The place behind another one.
    func next(after place: Int) throws(ArchiveError) -> Int {
        let lengths = try lengths(place)
        return place + 16 + lengths.path + lengths.name + lengths.link
    }

    /// The path of the file.
    func path(at place: Int) throws(ArchiveError) -> EntryPath {
        EntryPath(steps: EntryPath.steps(of: try bytes.read(try lengths(place).path, at: place + 16)))
    }

    /// The name of the first entry that links to it.
    func name(at place: Int) throws(ArchiveError) -> [UInt8] {
        let lengths = try lengths(place)
        return try bytes.read(lengths.name, at: place + 16 + lengths.path)
    }

    /// The last name of the link.
    func link(at place: Int) throws(ArchiveError) -> [UInt8] {
        let lengths = try lengths(place)
        return try bytes.read(lengths.link, at: place + 16 + lengths.path + lengths.name)
    }

    /// The number.
    func number(at place: Int) throws(ArchiveError) -> UInt64 { try bytes.number(at: place) }

    /// Replaces the number.
    func set(_ number: UInt64, at place: Int) throws(ArchiveError) { try bytes.set(number, at: place) }
}

/// An `ErofsLayer` notes what the copy is: its inode, and in the lower 8 bits its type.
extension WaitingLinks {
    /// The copy.
    func copy(at place: Int) throws(ArchiveError) -> (inode: ErofsReference, type: ErofsFormat.FileType) {
        let number = try number(at: place)
        let type = ErofsFormat.FileType(rawValue: UInt8(truncatingIfNeeded: number)) ?? .regular
        return (ErofsReference(rawValue: number >> 8), type)
    }

    /// Sets what the copy is.
    func set(_ inode: ErofsReference, _ type: ErofsFormat.FileType, at place: Int) throws(ArchiveError) {
        try set(inode.rawValue << 8 | UInt64(type.rawValue), at: place)
    }
}
