// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The symbolic links of a layer: their inodes, and where they lead, which later entries may pass.
///
///     64 bits    the inode, and in the lower 16 bits the length of the target, which follows
struct ErofsLinks {
    private var bytes: PagedBytes

    /// None yet.
    init(in store: PageStore) { bytes = PagedBytes(in: store) }

    /// Adds a link, and returns its place.
    mutating func add(_ inode: ErofsReference, _ target: [UInt8]) throws(ArchiveError) -> Int {
        let place = try bytes.append(inode.rawValue << 16 | UInt64(target.count))
        try bytes.append(target[...])
        return place
    }

    /// The inode of the link at a place.
    func inode(_ place: Int) throws(ArchiveError) -> ErofsReference {
        ErofsReference(rawValue: try bytes.number(at: place) >> 16)
    }

    /// Where the link at a place leads.
    func target(_ place: Int) throws(ArchiveError) -> [UInt8] {
        try bytes.read(Int(try bytes.number(at: place) & 0xFFFF), at: place + 8)
    }
}
