// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CZlib

/// The compression of one direction of a SPDY connection: a zlib stream over all header blocks, flushed after each.
///
/// Safe: the memory belongs to this value alone, and the buffers that zlib sees live for the length of its calls. It is
/// on the heap because zlib refuses a state that has moved.
@safe struct HeaderCompressor: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let dictionary = SPDYDictionary.bytes
        // Fails only without memory, as any allocation here.
        let started = unsafe czlib_deflate_start(stream)
        let primed = unsafe deflateSetDictionary(stream, dictionary, UInt32(dictionary.count))
        precondition(started == Z_OK && primed == Z_OK, "deflate cannot start")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The next piece of the stream, which holds the whole block.
    mutating func compress(_ block: [UInt8]) -> [UInt8] {
        var input = block
        let bound = unsafe Int(deflateBound(stream, UInt(block.count))) + 64
        return unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe [UInt8](unsafeUninitializedCapacity: bound) { target, filled in
                unsafe stream.pointee.next_in = source.baseAddress
                unsafe stream.pointee.avail_in = UInt32(source.count)
                unsafe stream.pointee.next_out = target.baseAddress
                unsafe stream.pointee.avail_out = UInt32(bound)
                _ = unsafe deflate(stream, Z_SYNC_FLUSH)
                // The bound holds for a whole stream, the flush adds at most the 64 bytes.
                unsafe precondition(stream.pointee.avail_in == 0 && stream.pointee.avail_out > 0)
                unsafe filled = bound - Int(stream.pointee.avail_out)
            }
        }
    }
}

/// The other direction.
///
/// Safe: see `HeaderCompressor`.
@safe struct HeaderDecompressor: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let started = unsafe czlib_inflate_start(stream)
        precondition(started == Z_OK, "inflate cannot start")
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The block that the next piece of the stream holds, of at most `limit` bytes.
    mutating func decompress(_ piece: ArraySlice<UInt8>, limit: Int) throws(WireError) -> [UInt8] {
        var input = Array(piece)
        var output = [UInt8](repeating: 0, count: min(limit + 1, 4096))
        var length = 0
        let failure = unsafe input.withUnsafeMutableBufferPointer { source -> String? in
            unsafe stream.pointee.next_in = source.baseAddress
            unsafe stream.pointee.avail_in = UInt32(source.count)
            while true {
                let result = fill(&output, &length)
                if result == Z_NEED_DICT {
                    let dictionary = SPDYDictionary.bytes
                    guard unsafe inflateSetDictionary(stream, dictionary, UInt32(dictionary.count)) == Z_OK else {
                        return "it was compressed with another dictionary"
                    }
                    continue
                }
                // Nothing left to do is the end of this piece.
                if result == Z_BUF_ERROR { return nil }
                guard result == Z_OK else { return "it is not compressed as SPDY/3 does" }
                if length > limit { return "its headers are longer than \(limit) bytes" }
                if length == output.count {
                    output += [UInt8](repeating: 0, count: min(output.count, limit + 1 - length))
                }
                if unsafe stream.pointee.avail_in == 0, unsafe stream.pointee.avail_out > 0 { return nil }
            }
        }
        if let failure { throw WireError("SPDY header block", failure) }
        return Array(output[..<length])
    }

    private func fill(_ output: inout [UInt8], _ length: inout Int) -> Int32 {
        let start = length
        return unsafe output.withUnsafeMutableBufferPointer { target in
            let room = target.count - start
            unsafe stream.pointee.next_out = target.baseAddress.map { unsafe $0 + start }
            unsafe stream.pointee.avail_out = UInt32(room)
            let result = unsafe inflate(stream, Z_SYNC_FLUSH)
            unsafe length = start + room - Int(stream.pointee.avail_out)
            return result
        }
    }
}
