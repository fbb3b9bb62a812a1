// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The symbolic links of a layer: their inodes, and where they lead, which later entries may pass. A link takes 16 bytes
/// and the length of its target.
struct ErofsLinks {
    private(set) var inodes: [ErofsReference] = []
    private var targets: [UInt8] = []
    /// Where each target ends; it begins where the one before ends.
    private var ends: [Int] = []

    /// Adds a link, and returns its number.
    mutating func add(_ inode: ErofsReference, _ target: [UInt8]) -> Int {
        inodes.append(inode)
        targets += target
        ends.append(targets.count)
        return inodes.count - 1
    }

    /// Where the link with that number leads.
    func target(_ link: Int) -> ArraySlice<UInt8> { targets[(link == 0 ? 0 : ends[link - 1])..<ends[link]] }
}
