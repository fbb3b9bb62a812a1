// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CCompression
internal import Linux
internal import Synchronization

/// The memory of one zstd decoder. A frame may ask for a window of up to 128 MiB, out of which the decoder copies: all
/// decoders of a process share some room for windows in memory, and what is above it is in a file without a name.
///
/// Pages of the file that are touched are the process's for a moment, see `FileMemory`. One decoder at a time has some, so that
/// those of several layers do not add up.
///
/// ## Concurrency model
/// One thread at a time, but for the room and the turn, which have locks.
@safe final class ZstdMemory {
    /// What the windows of all decoders together may take in memory: two as large as those of `zstd -19` (8 MiB), and any
    /// number of those that are smaller than `leastWindow`.
    private static let room = 18 << 20
    private static let leastWindow = 1 << 20
    /// The largest window, and the two blocks that the decoder has beside it; a file has as many blocks as were written.
    private static let mappedSize = (1 << 27) + (1 << 20)
    private static let held = Mutex(0)
    private static let turn = Mutex(())

    private let path: String?
    /// Those that are counted, by their addresses.
    private var counted: [UnsafeMutableRawPointer: Int] = unsafe [:]
    /// The window in the file. It stays for the next one: an archive of empty frames must not have it made over and over.
    private var mapped: FileMemory?
    private var isMappedInUse = false

    /// The file is in the directory that `path` is in. Without a path all windows are in memory.
    init(beside path: String?) { self.path = path }

    deinit {
        let size = unsafe counted.values.reduce(0, +)
        Self.held.withLock { $0 -= size }
    }

    /// As zstd asks for memory; valid as long as this is.
    var allocator: ZSTD_customMem {
        unsafe ZSTD_customMem(
            customAlloc: { unsafe ZstdMemory.from($0)?.allocate($1) },
            customFree: { owner, address in
                if let address = unsafe address { unsafe ZstdMemory.from(owner)?.free(address) }
            },
            opaque: Unmanaged.passUnretained(self).toOpaque())
    }

    private static func from(_ opaque: UnsafeMutableRawPointer?) -> ZstdMemory? {
        unsafe opaque.map { unsafe Unmanaged<ZstdMemory>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: Windows

    private func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard size >= Self.leastWindow else { return unsafe malloc(size) }
        let isRoom = Self.held.withLock { held -> Bool in
            guard path == nil || held + size <= Self.room else { return false }
            held += size
            return true
        }
        if !isRoom, let address = unsafe map(size) { return unsafe address }
        let memory = unsafe malloc(size)
        guard isRoom else { return unsafe memory }
        if let memory = unsafe memory {
            unsafe counted[memory] = size
        } else {
            Self.held.withLock { $0 -= size }
        }
        return unsafe memory
    }

    /// Nil where the file system has nothing of the kind, or there is a window in the file already.
    private func map(_ size: Int) -> UnsafeMutableRawPointer? {
        guard let path, !isMappedInUse, size <= Self.mappedSize else { return nil }
        do throws(Errno) {
            if mapped == nil {
                mapped = try FileMemory(in: try SpillFile.makeOnDisk(beside: path), size: Self.mappedSize)
            }
            isMappedInUse = true
            mapped?.beginUse()
            return unsafe mapped?.address
        } catch {
            return nil
        }
    }

    private func free(_ address: UnsafeMutableRawPointer) {
        if unsafe address == mapped?.address {
            isMappedInUse = false
            return
        }
        if let size = unsafe counted.removeValue(forKey: address) { Self.held.withLock { $0 -= size } }
        unsafe CCompression.free(address)
    }

    // MARK: Decoding

    /// Has the decoder produce at most so many bytes, or fewer where it touches the file. Throws when what was in the file is
    /// lost.
    func decode<Value>(upTo count: Int, _ body: (Int) -> Value) throws(ArchiveError) -> Value {
        guard isMappedInUse, let mapped else {
            // It may come to its window now.
            let value = body(count)
            try endUse()
            return value
        }
        return try Self.turn.withLock { _ throws(ArchiveError) in
            mapped.beginUse()
            let value = body(min(count, Int(ZSTD_BLOCKSIZE_MAX)))
            try endUse()
            return value
        }
    }

    /// Also when the frame has ended meanwhile.
    private func endUse() throws(ArchiveError) {
        guard let mapped else { return }
        do throws(Errno) {
            try mapped.endUse()
            if let loss = mapped.loss { throw loss }
        } catch {
            throw ArchiveError(writing: path ?? "", error)
        }
    }
}
