// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The plain bytes of a stream that may be compressed with gzip or zstd.
///
/// What it is, is told by its first bytes and never by its media type, because registries lie. The blocks of a plain
/// stream pass through without a copy. A stream that was made to fill the disk is refused: one that is very long, and far
/// longer than the bytes it came from. Content that compresses so well, zeros, is kept as holes by whoever makes images.
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
    /// Short blocks of the source, put together.
    private var gathered: [UInt8] = []
    private static let leastInput = 4096
    private let limits: UnpackLimits
    private var compressed: Int64 = 0
    private var plain: Int64 = 0
    private let blockSize: Int
    private let path: String?
    private var output = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// The plain bytes of `source`, in blocks of at most `blockSize` from `nextBlock`. What it takes to decompress and is not
    /// kept in memory goes to a file without a name, in the directory that `path` is in.
    package init(
        _ source: any BlockSource, blockSize: Int = 1 << 18, limits: UnpackLimits = UnpackLimits(),
        spillingBeside path: String? = nil
    ) {
        self.source = source
        self.path = path
        self.blockSize = blockSize
        self.limits = limits
    }

    deinit { unsafe output.deallocate() }

    /// The next plain bytes. Throws `.corrupt` on damaged or truncated compressed data, and `.tooLarge` when there are too
    /// many.
    package func nextBlock() throws -> UnsafeRawBufferPointer {
        if unsafe output.count == 0 {
            unsafe output = .allocate(byteCount: blockSize, alignment: 64)
        }
        if case .unknown = state { try detect() }
        if case .plain = state { return unsafe try nextPlain() }
        let made = unsafe try decode(into: output)
        return unsafe UnsafeRawBufferPointer(rebasing: output[..<made])
    }

    /// The next plain bytes, to memory of the caller, which is not empty: as many as there are at once. Returns their
    /// number, 0 at the end. Throws like `nextBlock`.
    package func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if case .unknown = state { try detect() }
        guard case .plain = state else { return unsafe try decode(into: target) }
        if available == 0 { unsafe input = try source.nextBlock() }
        let count = min(available, target.count)
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        unsafe input = UnsafeRawBufferPointer(rebasing: input[count...])
        return count
    }

    private func detect() throws {
        while head.count < 4 {
            let block = unsafe try nextOfSource()
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
            state = .decoding(try ZstdDecoder(beside: path))
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

    /// The next bytes, not fewer than a few thousand until the end: ISA-L takes the codes of a block of gzip for damaged
    /// when they come in pieces of few bytes.
    private func nextOfSource() throws -> UnsafeRawBufferPointer {
        let block = unsafe try source.nextBlock()
        compressed += Int64(block.count)
        guard block.count > 0, block.count < Self.leastInput else { return unsafe block }
        unsafe gathered = Array(block)
        while gathered.count < Self.leastInput {
            let more = unsafe try source.nextBlock()
            if more.count == 0 { break }
            compressed += Int64(more.count)
            unsafe gathered.append(contentsOf: more)
        }
        // The array stays as it is until the next call.
        return unsafe gathered.withUnsafeBytes { unsafe $0 }
    }

    private func decode(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        guard case .decoding(let decoder) = state else { return 0 }
        while true {
            if available == 0 && !sourceEnded {
                unsafe input = try nextOfSource()
                sourceEnded = available == 0
            }
            if available == 0 && sourceEnded && decoder.isBetweenFrames {
                state = .ended
                return 0
            }
            let before = available
            let made = unsafe try decoder.decode(&input, into: target)
            if made > 0 {
                plain += Int64(made)
                guard plain <= limits.ratioFrom || plain / limits.ratio <= compressed else {
                    let reason = "it unpacks to more than \(limits.ratio) times its size"
                    throw ArchiveError(.tooLarge, "decompress layer", "", reason)
                }
                return made
            }
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
