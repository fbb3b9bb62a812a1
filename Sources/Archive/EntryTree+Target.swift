// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension EntryTree {
    /// What a name names.
    enum Target: Equatable {
        case directory(Int)
        /// A symbolic link: where it is among the links.
        case link(Int)
        /// A file, device or fifo that has its inode already.
        case inode(ErofsReference, ErofsFormat.FileType)
        /// A file that only a layer below has: where it is among those that are waited for.
        case pending(Int)
        /// A deletion.
        case whiteout
    }
}

/// As it is kept: the kind in the highest 8 bits, then a mark, then a number.
extension EntryTree.Target {
    /// The mark of what is a further name of an inode.
    static let shared: UInt64 = 1 << 55
    /// A name that is not there.
    static let gone: UInt64 = 0

    init?(_ value: UInt64) {
        let number = value & (Self.shared - 1)
        let kind = UInt8(truncatingIfNeeded: value >> 56)
        switch kind {
        case 0: return nil
        case 8: self = .link(Int(number))
        case 9: self = .pending(Int(number))
        case 10: self = .whiteout
        case 11: self = .directory(Int(number))
        default: self = .inode(ErofsReference(rawValue: number), ErofsFormat.FileType(rawValue: kind) ?? .regular)
        }
    }

    var value: UInt64 {
        let (kind, number): (UInt8, UInt64) =
            switch self {
            case .link(let place): (8, UInt64(place))
            case .pending(let place): (9, UInt64(place))
            case .whiteout: (10, 0)
            case .directory(let directory): (11, UInt64(directory))
            case .inode(let inode, let type): (type.rawValue, inode.rawValue)
            }
        return UInt64(kind) << 56 | number
    }
}
