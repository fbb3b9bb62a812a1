// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Which pages of a `PageStore` are in memory, where, and since when none has asked for them.
@safe struct PageFrames {
    @safe private struct Frame {
        let memory: UnsafeMutableRawPointer
        var page = PageStore.none
        /// When it was used last.
        var lastUse: UInt32
        /// Whether the file does not have it as it is.
        var isChanged = false
    }

    /// The pages of one allocation.
    private static let chunk = 128

    /// Where each page is, if it is anywhere.
    private var frameOf: [UInt32] = []
    private var frames: [Frame] = []
    private var chunks: [UnsafeMutableRawPointer] = unsafe []
    private var clock: UInt32 = 0
    /// Where the next page to give up is looked for.
    private var hand = 0

    /// How many there is memory for.
    var count: Int { frames.count }
    /// How many pages there are, with those that are not in memory.
    var pageCount: Int { frameOf.count }

    /// The memory of a page, nil when it has none; from now on it is the one that was used last.
    mutating func memory(of page: UInt32, changes: Bool) -> UnsafeMutableRawPointer? {
        let place = frameOf[Int(page)]
        guard place != PageStore.none else { return nil }
        let frame = Int(place)
        clock &+= 1
        frames[frame].lastUse = clock
        if changes { frames[frame].isChanged = true }
        return unsafe frames[frame].memory
    }

    /// The memory of a frame.
    func memory(at frame: Int) -> UnsafeMutableRawPointer { unsafe frames[frame].memory }

    /// Adds memory for one more, and returns its frame.
    mutating func grow() -> Int {
        let frame = frames.count
        if frame % Self.chunk == 0 {
            unsafe chunks.append(.allocate(byteCount: Self.chunk * PageStore.pageSize, alignment: 16))
        }
        let memory = unsafe chunks[frame / Self.chunk] + frame % Self.chunk * PageStore.pageSize
        unsafe frames.append(Frame(memory: memory, lastUse: clock))
        return frame
    }

    /// Adds a page, which is in no frame.
    mutating func addPage() -> UInt32 {
        frameOf.append(PageStore.none)
        return UInt32(frameOf.count - 1)
    }

    /// The page is in the frame from now on.
    mutating func hold(_ page: UInt32, in frame: Int, isChanged: Bool) {
        clock &+= 1
        frameOf[Int(page)] = UInt32(frame)
        (frames[frame].page, frames[frame].lastUse, frames[frame].isChanged) = (page, clock, isChanged)
    }

    /// The frame to give up next: the one that was used longest ago, of eight, so that those that were used just now stay.
    /// Which page is there, if one is, and whether it is to be written.
    mutating func next() -> (frame: Int, page: UInt32?, isChanged: Bool) {
        var oldest = hand
        for step in 1..<8 {
            let frame = (hand + step) % frames.count
            if clock &- frames[frame].lastUse > clock &- frames[oldest].lastUse { oldest = frame }
        }
        hand = (hand + 8) % frames.count
        let page = frames[oldest].page
        return (oldest, page == PageStore.none ? nil : page, frames[oldest].isChanged)
    }

    /// Takes the page out of its frame.
    mutating func vacate(_ frame: Int) {
        let page = frames[frame].page
        if page != PageStore.none { frameOf[Int(page)] = PageStore.none }
        frames[frame].page = PageStore.none
    }

    /// Gives back all memory; there are no pages any more.
    mutating func clear() {
        for index in unsafe chunks.indices { unsafe chunks[index].deallocate() }
        unsafe chunks = []
        (frameOf, frames, hand) = ([], [], 0)
    }
}
