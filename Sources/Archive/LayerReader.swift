// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Reads the entries of a plain tar (ustar, pax, GNU, v7) from a stream, one after the other. Contents are handed out as
/// they lie in the blocks of the stream, without a copy.
///
/// A tar without the blocks of zeros at its end is whole when it ends with an entry: some writers leave them out, and that
/// a stream was cut off is for its digest to tell.
///
/// Global headers, where git keeps the name of a commit, must be well-formed and mean nothing: no engine for containers heeds
/// them, and an image must not be another one here.
@safe package final class LayerReader: ContentSource {
    private let stream: TarStream
    /// Of the content of the current entry, what is not read yet.
    private var sparse: SparseMap?
    private var stored: Int64 = 0

    /// Extended headers and long names are kept in memory; no entry of an image has any that are larger together.
    private static let extensionLimit: Int64 = 1 << 20

    /// Reads from a plain stream. A stream of no bytes is a tar without entries.
    package init(_ source: any BlockSource) { stream = TarStream(source) }

    /// What came before the header of an entry and belongs to it.
    private struct Extensions {
        var records: PaxRecords
        var name: [UInt8]?
        var link: [UInt8]?
    }

    /// The next entry, or nil at the end. The content of the one before is skipped if it was not read.
    package func next() throws -> LayerEntry? {
        try stream.skip(stored)
        (stored, sparse) = (0, nil)
        var extensions = Extensions(records: PaxRecords())
        var room = Self.extensionLimit
        var isExtended = false
        while let header = try stream.header() {
            if header.isEmpty { return nil }
            guard header.hasRightChecksum else { throw Self.damaged("a header has a wrong checksum") }
            let size = extensions.records.size ?? header.contentSize
            isExtended = isExtended || "xXLK".utf8.contains(header.type)
            switch header.type {
            case UInt8(ascii: "x"), UInt8(ascii: "X"):
                guard extensions.records.add(try content(of: header, &room)) else {
                    throw Self.damaged("an extended header is malformed")
                }
                guard !extensions.records.hasTooManyAttributes else {
                    let reason = "an entry has more than \(PaxRecords.attributeLimit) attributes"
                    throw ArchiveError(.tooLarge, "read layer", "", reason)
                }
            case UInt8(ascii: "g"):
                var ignored = PaxRecords()
                guard ignored.add(try content(of: header, &room)) else {
                    throw Self.damaged("a global header is malformed")
                }
            case UInt8(ascii: "L"): extensions.name = Self.text(try content(of: header, &room))
            case UInt8(ascii: "K"): extensions.link = Self.text(try content(of: header, &room))
            case UInt8(ascii: "V"):
                // The name of a volume.
                guard let size, size >= 0 else { throw Self.damaged("a size is no number") }
                try stream.skip(size)
            default: return try entry(header, size, extensions)
            }
        }
        guard !isExtended else { throw Self.damaged("it is cut off before an entry") }
        return nil
    }

    /// The content of the current entry: the body gets each piece with its offset; what lies between is a hole.
    package func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        guard let sparse else { return unsafe try piece(0, stored, body) }
        for piece in sparse.pieces { unsafe try self.piece(piece.offset, piece.count, body) }
        self.sparse = SparseMap([], size: 0, stored: 0)
    }

    private func piece(
        _ start: Int64, _ count: Int64, _ body: (Int64, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var offset = start
        while offset < start + count {
            let bytes = unsafe try stream.take(start + count - offset)
            stored -= Int64(bytes.count)
            unsafe try body(offset, bytes)
            offset += Int64(bytes.count)
        }
    }

    /// The content of an extension as a whole; there is so much room for those of one entry.
    private func content(of header: TarHeader, _ room: inout Int64) throws -> [UInt8] {
        guard let size = header.contentSize, size >= 0 else { throw Self.damaged("a size is no number") }
        guard size <= room else {
            let reason = "the extended headers of an entry have more than \(Self.extensionLimit) bytes together"
            throw ArchiveError(.tooLarge, "read layer", "", reason)
        }
        // Many empty ones are too many as well.
        room -= max(size, 1)
        return try stream.read(Int(size))
    }

    private static func text(_ bytes: [UInt8]) -> [UInt8] { Array(bytes.prefix { $0 != 0 }) }

    // MARK: Entries

    private func entry(_ header: TarHeader, _ size: Int64?, _ extensions: Extensions) throws -> LayerEntry {
        let name = extensions.records.sparseName ?? extensions.records.path ?? extensions.name ?? header.name
        func fault(_ code: ArchiveError.Code, _ reason: String) -> ArchiveError {
            ArchiveError(code, "unpack entry", String(decoding: name, as: UTF8.self), reason)
        }
        guard !name.contains(0) else { throw fault(.hostile, "its name contains NUL") }
        guard let size, let mode = header.mode, let owner = extensions.records.uid ?? header.uid,
            let group = extensions.records.gid ?? header.gid,
            let seconds = extensions.records.modified?.seconds ?? header.modified
        else { throw fault(.corrupt, "a number in its header is malformed") }
        // The largest number means "unchanged" to chown(2).
        guard let uid = UInt32(exactly: owner), let gid = UInt32(exactly: group), uid < .max, gid < .max else {
            throw fault(.unsupported, "its owner \(owner):\(group) is out of range")
        }
        let link = extensions.records.link ?? extensions.link ?? header.link
        guard let kind = Self.kind(header, name: name, link: link, size: size) else {
            throw fault(.unsupported, "its type is not supported")
        }
        var entry = LayerEntry(
            name: name, kind: kind, permissions: UInt32(mode & 0o7777), uid: uid, gid: gid,
            modified: Timestamp(seconds: seconds, nanoseconds: extensions.records.modified?.nanoseconds ?? 0),
            attributes: extensions.records.attributes)
        guard !entry.attributes.contains(where: { $0.name.isEmpty || $0.name.contains(0) }) else {
            throw fault(.hostile, "the name of an attribute is empty or contains NUL")
        }
        if case .file = kind { try begin(&entry, header, size, extensions.records) }
        return entry
    }

    /// Only files have contents, whatever the size says of others.
    private func begin(_ entry: inout LayerEntry, _ header: TarHeader, _ size: Int64, _ records: PaxRecords) throws {
        guard size >= 0 else { throw entry.fault(.corrupt, "its size is negative") }
        stored = size
        stream.begin(size)
        guard let (pieces, realSize) = try sparsePieces(header, records) else { return }
        guard let pieces, let realSize, let map = SparseMap(pieces, size: realSize, stored: stored) else {
            throw entry.fault(.corrupt, "the map of its holes is malformed")
        }
        sparse = map
        entry.kind = .file(size: realSize)
        entry.isSparse = true
    }

    /// The pieces and the size of a sparse file in any of the four forms, nil of another file.
    private func sparsePieces(
        _ header: TarHeader, _ records: PaxRecords
    ) throws -> (pieces: [SparseMap.Piece]?, size: Int64?)? {
        if header.type == UInt8(ascii: "S") {
            var (pieces, isExtended, size) = header.sparse
            while isExtended {
                guard let block = try stream.insertedHeader() else { return (nil, nil) }
                let more = block.moreSparse
                guard let further = more.pieces else { return (nil, nil) }
                pieces?.append(contentsOf: further)
                try SparseMap.check(count: Int64(pieces?.count ?? 0))
                isExtended = more.isExtended
            }
            return (pieces, size)
        }
        if let version = records.sparseVersion, version.major == 1, version.minor == 0 {
            return (try leadingMap(), records.sparseSize)
        }
        return records.sparseSize.map { (records.sparsePieces, $0) }
    }

    /// The map that comes before the content: the number of pieces, then offset and count of each, one number a line,
    /// filled up to whole blocks.
    private func leadingMap() throws -> [SparseMap.Piece]? {
        var rest: ArraySlice<UInt8> = []
        guard let count = try leadingNumber(&rest) else { return nil }
        try SparseMap.check(count: count)
        var pieces: [SparseMap.Piece] = []
        // It grows by doubling otherwise, and both are there meanwhile.
        pieces.reserveCapacity(Int(count))
        while pieces.count < count {
            guard let offset = try leadingNumber(&rest), let length = try leadingNumber(&rest) else { return nil }
            pieces.append(SparseMap.Piece(offset: offset, count: length))
        }
        return pieces
    }

    /// The next line of the map, of which `rest` was read already.
    private func leadingNumber(_ rest: inout ArraySlice<UInt8>) throws -> Int64? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest = rest[(end + 1)...] }
                return PaxRecords.number(rest[..<end]).flatMap { $0 < 0 ? nil : $0 }
            }
            guard rest.count <= 20, stored >= Int64(TarHeader.size) else { return nil }
            rest = rest + (try stream.readContent(TarHeader.size))
            stored -= Int64(TarHeader.size)
        }
    }

    private static func kind(_ header: TarHeader, name: [UInt8], link: [UInt8], size: Int64) -> LayerEntry.Kind? {
        func device() -> DeviceNumber? {
            let (major, minor) = header.device
            guard let major = major.flatMap({ UInt32(exactly: $0) }), let minor = minor.flatMap({ UInt32(exactly: $0) })
            else { return nil }
            return DeviceNumber(major: major, minor: minor)
        }
        switch header.type {
        // Before ustar, a directory was a file whose name ends with a slash.
        case 0, UInt8(ascii: "0"): return name.last == UInt8(ascii: "/") ? .directory : .file(size: size)
        case UInt8(ascii: "7"), UInt8(ascii: "S"): return .file(size: size)
        case UInt8(ascii: "1"): return .hardLink(target: link)
        case UInt8(ascii: "2"): return .symlink(target: link)
        case UInt8(ascii: "3"): return device().map { .characterDevice($0) }
        case UInt8(ascii: "4"): return device().map { .blockDevice($0) }
        case UInt8(ascii: "5"): return .directory
        case UInt8(ascii: "6"): return .fifo
        default: return nil
        }
    }

    static func damaged(_ reason: String) -> ArchiveError {
        ArchiveError(.corrupt, "read layer", "", "not a valid tar: \(reason)")
    }
}
