// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The plain bytes of a stream that may be compressed with gzip or zstd.
///
/// What it is, is told by its first bytes and never by its media type, because registries lie. The blocks of a plain
/// stream pass through without a copy.
@safe package final class Decompressor: BlockSource {
    private enum State {
        case unknown
        case plain
        case decoding(any Decoder)
        case ended
    }

    private let source: any BlockSource
    private var state = State.unknown
    /// What the source delivered and no decoder has consumed; valid until the source is asked again.
    private var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    private var available: Int { unsafe input.count }
    private var sourceEnded = false
    /// The first bytes, when the source delivers them in pieces that are too short to tell.
    private var head: [UInt8] = []
    private let output: UnsafeMutableRawBufferPointer

    /// The plain bytes of `source`, in blocks of at most `blockSize`.
    package init(_ source: any BlockSource, blockSize: Int = 1 << 18) {
        self.source = source
        unsafe output = .allocate(byteCount: blockSize, alignment: 64)
    }

    deinit { unsafe output.deallocate() }

    /// The next plain bytes. Throws `.corrupt` on damaged or truncated compressed data.
    package func nextBlock() throws -> UnsafeRawBufferPointer {
        if case .unknown = state { try detect() }
        switch state {
        case .plain: return unsafe try nextPlain()
        case .decoding(let decoder): return unsafe try decode(with: decoder)
        case .unknown, .ended: return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
    }

    private func detect() throws {
        while head.count < 4 {
            let block = unsafe try source.nextBlock()
            if block.count == 0 {
                sourceEnded = true
                break
            }
            unsafe head.append(contentsOf: block)
        }
        if head.isEmpty {
            state = .ended
        } else if head.starts(with: [0x1F, 0x8B]) {
            state = .decoding(try GzipDecoder())
        } else if ZstdDecoder.isFrame(head) {
            state = .decoding(try ZstdDecoder())
        } else {
            state = .plain
        }
        // `head` is kept as it is, so its storage stays where it is.
        unsafe input = head.withUnsafeBytes { unsafe $0 }
    }

    private func nextPlain() throws -> UnsafeRawBufferPointer {
        guard available == 0 else {
            defer { unsafe input = UnsafeRawBufferPointer(start: nil, count: 0) }
            return unsafe input
        }
        return unsafe try source.nextBlock()
    }

    private func decode(with decoder: any Decoder) throws -> UnsafeRawBufferPointer {
        while true {
            if available == 0 && !sourceEnded {
                unsafe input = try source.nextBlock()
                sourceEnded = available == 0
            }
            if available == 0 && sourceEnded && decoder.isBetweenFrames {
                state = .ended
                return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
            }
            let before = available
            let made = unsafe try decoder.decode(&input, into: output)
            if made > 0 { return unsafe UnsafeRawBufferPointer(rebasing: output[..<made]) }
            if before == available, before > 0 || sourceEnded {
                throw ArchiveError(.corrupt, "decompress layer", "", "\(decoder.name) data is cut off")
            }
        }
    }
}

/// One compression format.
protocol Decoder: AnyObject {
    /// For messages.
    var name: String { get }
    /// True where the stream may end: after a whole member or frame.
    var isBetweenFrames: Bool { get }
    /// Decodes, moves the head of `input`, returns the number of bytes written to `output`.
    func decode(_ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws -> Int
}
