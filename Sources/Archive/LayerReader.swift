// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CArchive
internal import Linux

/// Reads the entries of a plain tar (ustar, pax, GNU, v7) from a stream, one after the other.
///
/// ## Concurrency model
/// Used by one thread from beginning to end: libarchive reads names by the locale of the thread, which is set to C.
@safe package final class LayerReader {
    private let archive: OpaquePointer
    private let feed: Feed
    private var isEmpty = false

    /// What libarchive's callback works on.
    @safe private final class Feed {
        let source: any BlockSource
        /// Delivered before the source is asked again.
        var first: UnsafeRawBufferPointer?
        var failure: (any Error)?
        private var delivered = 0
        private let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 1)

        init(_ source: any BlockSource) {
            self.source = source
            unsafe zeros.initializeMemory(as: UInt8.self, repeating: 0)
        }

        deinit { unsafe zeros.deallocate() }

        /// The next block, empty at the end. Writers that do not close their archive (umoci's insert) leave out what
        /// fills up the last record, which other readers do not miss: it is supplied. That a stream was cut off is for
        /// its digest to tell.
        func next() throws -> UnsafeRawBufferPointer {
            var block = unsafe try first.take() ?? source.nextBlock()
            if block.count == 0, delivered % 512 != 0 {
                unsafe block = UnsafeRawBufferPointer(rebasing: zeros[..<(512 - delivered % 512)])
            }
            delivered += block.count
            return unsafe block
        }
    }

    /// Reads from a plain stream. Throws `.corrupt` when it is no tar; a stream of no bytes is a tar without entries.
    package init(_ source: any BlockSource) throws {
        car_use_plain_names()
        guard let made = unsafe archive_read_new() else {
            throw ArchiveError(.io, "read layer", "", "out of memory")
        }
        unsafe archive = made
        feed = Feed(source)
        let first = unsafe try source.nextBlock()
        isEmpty = first.count == 0
        guard !isEmpty else { return }
        unsafe feed.first = first
        unsafe archive_read_support_format_tar(archive)
        // The feed lives as long as this object, and libarchive calls only from within calls of this object.
        let context = unsafe Unmanaged.passUnretained(feed).toOpaque()
        let result = unsafe archive_read_open(archive, context, nil, Self.read, nil)
        guard result == ARCHIVE_OK else { throw failure() }
    }

    deinit { unsafe archive_read_free(archive) }

    /// archive_read_callback: the next block, 0 at the end, -1 after a failure that is kept in the feed.
    private static let read:
        @convention(c) (
            OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?
        ) -> Int = { _, context, buffer in
            guard let context = unsafe context, let buffer = unsafe buffer else { return -1 }
            let feed = unsafe Unmanaged<Feed>.fromOpaque(context).takeUnretainedValue()
            do {
                let block = unsafe try feed.next()
                unsafe buffer.pointee = block.baseAddress
                return block.count
            } catch {
                feed.failure = error
                return -1
            }
        }

    /// The next entry, or nil at the end. The content of the one before is skipped if it was not read.
    package func next() throws -> LayerEntry? {
        guard !isEmpty else { return nil }
        var header: OpaquePointer?
        let result = unsafe archive_read_next_header(archive, &header)
        if result == ARCHIVE_EOF { return nil }
        // A warning is about names that are not of the locale, which are handed over as bytes all the same.
        guard result == ARCHIVE_OK || result == ARCHIVE_WARN, let header = unsafe header else { throw failure() }
        return try unsafe LayerEntry(header)
    }

    /// The content of the current entry: the body gets each piece with its offset; what lies between is a hole.
    package func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        while true {
            var start: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            let result = unsafe archive_read_data_block(archive, &start, &count, &offset)
            if result == ARCHIVE_EOF { return }
            guard result == ARCHIVE_OK || result == ARCHIVE_WARN else { throw failure() }
            unsafe try body(offset, UnsafeRawBufferPointer(start: start, count: count))
        }
    }

    private func failure() -> any Error {
        if let failure = feed.failure { return failure }
        let text = unsafe archive_error_string(archive).map { unsafe String(cString: $0) } ?? "damaged tar"
        return ArchiveError(.corrupt, "read layer", "", "not a valid tar: \(text)")
    }
}
