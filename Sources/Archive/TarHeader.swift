// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// One header of a tar: 512 bytes of fields at fixed places, numbers in octal or, when the first bit is set, in base 256.
/// Source: POSIX pax, "ustar Interchange Format"; GNU tar, "Basic Tar Format".
@safe struct TarHeader {
    static let size = 512
    private let bytes: UnsafeRawBufferPointer

    /// On memory of 512 bytes that outlives it.
    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

    private enum Field {
        static let name = 0..<100, mode = 100..<108, uid = 108..<116, gid = 116..<124, size = 124..<136
        static let modified = 136..<148, checksum = 148..<156, type = 156, link = 157..<257, magic = 257..<263
        static let major = 329..<337, minor = 337..<345, prefix = 345..<500
        static let sparseMap = 386..<482, isExtended = 482, realSize = 483..<495
    }

    /// A block of zeros ends an archive.
    var isEmpty: Bool {
        for index in stride(from: 0, to: Self.size, by: 8)
        where unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) != 0 { return false }
        return true
    }

    /// The sum of all bytes, with that of the field itself counted as spaces; some writers added signed bytes.
    var hasRightChecksum: Bool {
        guard let expected = number(Field.checksum) else { return false }
        // A loop that the compiler makes one of wide registers: there is a header for each file.
        var sum: UInt32 = 8 * 32
        for index in 0..<Self.size { unsafe sum &+= UInt32(bytes[index]) }
        for index in Field.checksum { unsafe sum &-= UInt32(bytes[index]) }
        if expected == Int64(sum) { return true }
        var negative: Int64 = 0
        for index in 0..<Self.size where !Field.checksum.contains(index) {
            if unsafe bytes[index] >= 0x80 { negative += 256 }
        }
        return expected == Int64(sum) - negative
    }

    var type: UInt8 { unsafe bytes[Field.type] }
    var mode: Int64? { number(Field.mode) }
    var uid: Int64? { number(Field.uid) }
    var gid: Int64? { number(Field.gid) }
    var contentSize: Int64? { number(Field.size) }
    var modified: Int64? { number(Field.modified) }
    var device: (major: Int64?, minor: Int64?) { (number(Field.major), number(Field.minor)) }
    var link: [UInt8] { text(Field.link) }

    /// With the prefix, which only POSIX headers have: GNU keeps times there.
    var name: [UInt8] {
        let name = text(Field.name)
        guard unsafe bytes[Field.prefix.lowerBound] != 0, unsafe bytes[Field.magic].elementsEqual(Self.magic) else {
            return name
        }
        return text(Field.prefix) + [UInt8(ascii: "/")] + name
    }

    private static let magic = Array("ustar\0".utf8)

    /// GNU's sparse files: the pieces that are in this header, whether blocks with more of them follow, and the size with
    /// the holes.
    var sparse: (pieces: [SparseMap.Piece]?, isExtended: Bool, size: Int64?) {
        (pieces(Field.sparseMap), unsafe bytes[Field.isExtended] != 0, number(Field.realSize))
    }

    /// A block of more pieces.
    var moreSparse: (pieces: [SparseMap.Piece]?, isExtended: Bool) {
        (pieces(0..<504), unsafe bytes[504] != 0)
    }

    private func pieces(_ range: Range<Int>) -> [SparseMap.Piece]? {
        var pieces: [SparseMap.Piece] = []
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 24) where unsafe bytes[start] != 0 {
            guard let offset = number(start..<start + 12), let count = number(start + 12..<start + 24) else {
                return nil
            }
            pieces.append(SparseMap.Piece(offset: offset, count: count))
        }
        return pieces
    }

    private func text(_ range: Range<Int>) -> [UInt8] {
        let field = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
        let end = unsafe field.firstIndex(of: 0) ?? field.count
        return unsafe Array(field[..<end])
    }

    /// Nothing is zero, as writers leave what they do not need. Nil when it is no number or does not fit.
    private func number(_ range: Range<Int>) -> Int64? {
        let field = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
        guard unsafe field[0] & 0x80 == 0 else { return unsafe Self.binary(field) }
        var value: Int64 = 0
        var hasDigits = false
        for index in 0..<field.count {
            let byte = unsafe field[index]
            switch byte {
            case 0x30...0x37:
                // 12 digits have 36 bits.
                value = value << 3 | Int64(byte - 0x30)
                hasDigits = true
            case 0x20 where !hasDigits: continue
            case 0x20, 0: return value
            default: return nil
            }
        }
        return value
    }

    /// Two's complement, the first bit only says that it is one.
    private static func binary(_ field: UnsafeRawBufferPointer) -> Int64? {
        let first = unsafe field[0] & 0x7F
        var value: Int64 = first & 0x40 != 0 ? -1 : 0
        for index in 0..<field.count {
            let byte = unsafe index == 0 ? (value < 0 ? first | 0x80 : first) : field[index]
            // The bits that are lost must all be like the sign.
            guard value >> 55 == 0 || value >> 55 == -1 else { return nil }
            value = value << 8 | Int64(byte)
        }
        return value
    }
}
