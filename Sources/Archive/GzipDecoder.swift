// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CCompression

/// RFC 1952: any number of members; what follows the last one and is no member is ignored, as gzip(1) does.
@safe final class GzipDecoder: Decoder {
    let name = "gzip"
    private(set) var isBetweenFrames = false
    private var isTrailing = false
    private let inflater: UnsafeMutableRawPointer

    init() throws(ArchiveError) {
        guard let made = unsafe cz_inflate_new() else {
            throw ArchiveError(.io, "decompress layer", "", "out of memory")
        }
        unsafe inflater = made
    }

    deinit { unsafe cz_inflate_free(inflater) }

    func decode(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        if isBetweenFrames, unsafe !beginMember(&input) { return 0 }
        guard let start = unsafe input.baseAddress ?? UnsafeRawPointer(output.baseAddress),
            let target = output.baseAddress
        else { return 0 }
        var next: UnsafePointer<UInt8>? = unsafe start.assumingMemoryBound(to: UInt8.self)
        // The library counts in 32 bits.
        let offered = min(input.count, 1 << 30)
        var left = offered
        var made = 0
        var finished: Int32 = 0
        let result = unsafe cz_inflate(
            inflater, &next, &left, target.assumingMemoryBound(to: UInt8.self), output.count, &made, &finished)
        guard result == 0 else {
            let reason = result == cz_wrong_checksum ? "its checksum is wrong" : "it is damaged"
            throw ArchiveError(.corrupt, "decompress layer", "", "gzip data: \(reason)")
        }
        unsafe input = UnsafeRawBufferPointer(rebasing: input[(offered - left)...])
        isBetweenFrames = finished != 0
        return made
    }

    /// True when another member begins; else the rest of the input is dropped.
    private func beginMember(_ input: inout UnsafeRawBufferPointer) -> Bool {
        if !isTrailing, unsafe input.first == 0x1F {
            unsafe cz_inflate_restart(inflater)
            isBetweenFrames = false
            return true
        }
        isTrailing = isTrailing || input.count > 0
        unsafe input = UnsafeRawBufferPointer(rebasing: input[input.count...])
        return false
    }
}
