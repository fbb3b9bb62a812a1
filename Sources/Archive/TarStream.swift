// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A tar as blocks of 512 bytes: headers, and contents that are filled up to whole blocks.
@safe final class TarStream {
    private let source: any BlockSource
    /// What the source delivered and nobody has taken; valid until the source is asked again.
    private var rest = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// The bytes between the end of the current content and the next header.
    private var padding: Int64 = 0
    private let block = UnsafeMutableRawBufferPointer.allocate(byteCount: TarHeader.size, alignment: 16)

    init(_ source: any BlockSource) { self.source = source }

    deinit { unsafe block.deallocate() }

    /// The next header, which is valid until the next call of any kind; nil at the end of the stream. What fills up the
    /// last content may be missing at the end.
    func header() throws -> TarHeader? {
        try drop(padding, mayEnd: true)
        padding = 0
        return try insertedHeader()
    }

    /// A header that follows directly, between another and its content.
    func insertedHeader() throws -> TarHeader? {
        let size = TarHeader.size
        if unsafe rest.count < size {
            return try gather() ? unsafe TarHeader(UnsafeRawBufferPointer(block)) : nil
        }
        let header = unsafe UnsafeRawBufferPointer(rebasing: rest[..<size])
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest[size...])
        return unsafe TarHeader(header)
    }

    /// A header that lies in several blocks of the source. False at the end of the stream.
    private func gather() throws -> Bool {
        var count = 0
        while count < TarHeader.size {
            guard try fill() else {
                guard count == 0 else { throw LayerReader.damaged("it is cut off in a header") }
                return false
            }
            let piece = unsafe UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, TarHeader.size - count)])
            unsafe UnsafeMutableRawBufferPointer(rebasing: block[count...]).copyMemory(from: piece)
            count += piece.count
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        }
        return true
    }

    /// A content of that size comes next.
    func begin(_ size: Int64) {
        padding = (Int64(TarHeader.size) - size % Int64(TarHeader.size)) % Int64(TarHeader.size)
    }

    /// Some of the bytes of the content, at most the limit.
    func take(_ limit: Int64) throws -> UnsafeRawBufferPointer {
        guard try fill() else { throw LayerReader.damaged("it is cut off in the content of a file") }
        let piece = unsafe UnsafeRawBufferPointer(rebasing: rest[..<Int(min(Int64(rest.count), limit))])
        unsafe rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
        return unsafe piece
    }

    /// A content of that size as a whole.
    func read(_ size: Int) throws -> [UInt8] {
        let bytes = try readContent(size)
        begin(Int64(size))
        return bytes
    }

    /// The next bytes of a content.
    func readContent(_ size: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        while bytes.count < size { unsafe bytes.append(contentsOf: try take(Int64(size - bytes.count))) }
        return bytes
    }

    /// Passes over the bytes of a content, and expects the next header behind it.
    func skip(_ size: Int64) throws {
        if size > 0 { try drop(size, mayEnd: false) }
    }

    private func drop(_ size: Int64, mayEnd: Bool) throws {
        var left = size
        while left > 0 {
            guard try fill() else {
                guard mayEnd else { throw LayerReader.damaged("it is cut off in the content of a file") }
                return
            }
            let count = Int(min(Int64(unsafe rest.count), left))
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            left -= Int64(count)
        }
    }

    /// Makes sure that there is something, unless the stream has ended.
    private func fill() throws -> Bool {
        if unsafe rest.count > 0 { return true }
        unsafe rest = try source.nextBlock()
        return unsafe rest.count > 0
    }
}
