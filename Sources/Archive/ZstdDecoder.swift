// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CCompression

/// RFC 8878: any number of frames and skippable frames, as zstd:chunked layers have them.
@safe final class ZstdDecoder: Decoder {
    let name = "zstd"
    private(set) var isBetweenFrames = true
    private let context: OpaquePointer
    private let memory: ZstdMemory

    /// The largest window accepted, as a power of two: 128 MiB, what `zstd -d` accepts.
    private static let windowLimit: Int32 = 27

    /// Windows for which there is no room in memory are in a file in the directory that `path` is in.
    init(beside path: String?) throws(ArchiveError) {
        memory = ZstdMemory(beside: path)
        guard let made = unsafe ZSTD_createDCtx_advanced(memory.allocator) else {
            throw ArchiveError(.io, "decompress layer", "", "out of memory")
        }
        unsafe context = made
        unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLimit)
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    /// A frame (0xFD2FB528) or a skippable frame (0x184D2A50 to 5F), little endian.
    static func isFrame(_ head: [UInt8]) -> Bool {
        guard head.count >= 4 else { return false }
        return head.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
            || head[0] & 0xF0 == 0x50 && head[1...3].elementsEqual([0x2A, 0x4D, 0x18])
    }

    func decode(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws -> Int {
        var from = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var to = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: 0, pos: 0)
        let result = try memory.decode(upTo: output.count) { count in
            unsafe to.size = count
            return unsafe ZSTD_decompressStream(context, &to, &from)
        }
        guard ZSTD_isError(result) == 0 else {
            let reason = unsafe String(cString: ZSTD_getErrorName(result))
            throw ArchiveError(.corrupt, "decompress layer", "", "zstd data: \(reason)")
        }
        unsafe input = UnsafeRawBufferPointer(rebasing: input[from.pos...])
        isBetweenFrames = result == 0
        return unsafe to.pos
    }
}
