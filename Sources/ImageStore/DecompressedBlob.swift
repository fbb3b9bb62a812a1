// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Dispatch
internal import OCIImageSpec
internal import Synchronization

/// The plain bytes of a blob, which is hashed and decompressed on a thread of its own while another thread unpacks them:
/// each of the two is about half of the work.
///
/// ## Concurrency model
/// One producer, the thread that is started here, and one consumer. A buffer belongs to the producer until `full` is
/// signalled for it, then to the consumer until `free` is. `failure` and `digest` are written before the signal after
/// which they are read.
// Unchecked: two semaphores hand each buffer from one thread to the other.
@safe final class DecompressedBlob: BlockSource, @unchecked Sendable {
    private static let count = 8
    private static let size = 1 << 18

    private let blob: HashingSource
    private let plain: Decompressor
    private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count * size, alignment: 4096)
    /// Not an array, which the two threads would share as a whole.
    private let lengths = UnsafeMutableBufferPointer<Int>.allocate(capacity: count)
    private let free = DispatchSemaphore(value: 0)
    private let full = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let isStopped = Atomic(false)
    private var failure: (any Error)?
    private var digest: Result<Digest, any Error>?
    /// Of the consumer: the next buffer, whether the one before is still in use, and whether there are no more.
    private var next = 0
    private var isHolding = false
    private var isAtEnd = false

    /// Begins to read the source. What is not kept in memory goes to a file in the directory that `path` is in.
    init(_ source: any BlockSource, _ algorithm: Digest.Algorithm, _ limits: UnpackLimits, beside path: String) {
        let blob = HashingSource(source, algorithm)
        self.blob = blob
        plain = Decompressor(blob, limits: limits, spillingBeside: path)
        // Given one by one: a semaphore may not end with less than it began with.
        for _ in 0..<Self.count { free.signal() }
        DispatchQueue(label: "skiff.decompress").async { self.produce() }
    }

    deinit {
        unsafe memory.deallocate()
        unsafe lengths.deallocate()
    }

    // MARK: Producer

    private func produce() {
        var index = 0
        do {
            var isLast = false
            while !isLast {
                free.wait()
                if isStopped.load(ordering: .acquiring) { return finish() }
                let length = unsafe try plain.read(into: buffer(index))
                isLast = length == 0
                hand(over: &index, length)
            }
        } catch {
            // The buffer that was to be filled is free.
            failure = error
            hand(over: &index, -1)
        }
        finish()
    }

    private func hand(over index: inout Int, _ length: Int) {
        unsafe lengths[index] = length
        index = (index + 1) % Self.count
        full.signal()
    }

    private func buffer(_ index: Int) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[(index * Self.size)..<((index + 1) * Self.size)])
    }

    private func finish() {
        digest = Result { try blob.digestOfAll() }
        ended.signal()
    }

    // MARK: Consumer

    /// The next plain bytes.
    func nextBlock() throws -> UnsafeRawBufferPointer {
        if isHolding { free.signal() }
        isHolding = false
        guard !isAtEnd else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        full.wait()
        let length = unsafe lengths[next]
        guard length > 0 else {
            isAtEnd = true
            if let failure { throw failure }
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        isHolding = true
        defer { next = (next + 1) % Self.count }
        return unsafe UnsafeRawBufferPointer(rebasing: buffer(next)[..<length])
    }

    /// Nothing more is wanted.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        free.signal()
    }

    /// The digest of the whole blob, of which the rest is read. Ends the stream.
    func digestOfBlob() throws -> Digest {
        stop()
        ended.wait()
        ended.signal()
        // Set before `ended` was signalled.
        guard let digest else { throw CancellationError() }
        return try digest.get()
    }
}
