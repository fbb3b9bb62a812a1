// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import Synchronization

/// Pages of bytes, of which only so many are in memory: those that were not used for long go to a file, which is made when it
/// is needed and has no name.
///
/// What a layer must know until it is complete is kept here, so that its memory has a bound whatever the archive brings. All
/// stores of a process share the room; each has a little of its own, so that none waits for another. The layers of an ordinary
/// image stay in memory.
@safe final class PageStore {
    static let pageSize = 1 << 13
    /// No page.
    static let none = UInt32.max
    /// Pages of all stores together that are in memory: 8 MiB, enough for the names of some 150,000 files.
    private static let room = 1024
    /// Those that each store may have in any case.
    private static let least = 16
    private static let held = Mutex(0)

    private var frames = PageFrames()
    private let limit: Int
    private let path: String?
    private var file: SharedFD?

    /// The file is in the directory that `path` is in, or in memory without one. `limit` is for tests.
    init(beside path: String?, limit: Int? = nil) {
        self.path = path
        self.limit = max(limit ?? Self.room, Self.least)
    }

    deinit { clear() }

    /// Gives back all memory and the file; there are no pages any more.
    func clear() {
        let count = frames.count
        Self.held.withLock { $0 -= count }
        frames.clear()
        file = nil
    }

    /// Whether something is in the file.
    var usesFile: Bool { file != nil }

    /// How many there are.
    var pageCount: Int { frames.pageCount }

    /// Another page, of zeros.
    func newPage() throws(ArchiveError) -> UInt32 {
        let frame = try freeFrame()
        let page = frames.addPage()
        unsafe frames.memory(at: frame).initializeMemory(as: UInt8.self, repeating: 0, count: Self.pageSize)
        frames.hold(page, in: frame, isChanged: true)
        return page
    }

    /// The bytes of a page, valid until four others have been asked for. `changes` when they will be written to.
    func memory(of page: UInt32, changes: Bool) throws(ArchiveError) -> UnsafeMutableRawPointer {
        if let memory = unsafe frames.memory(of: page, changes: changes) { return unsafe memory }
        return unsafe try load(page, changes: changes)
    }

    // MARK: Memory

    private func freeFrame() throws(ArchiveError) -> Int {
        let (isPoor, isFull) = (frames.count < Self.least, frames.count >= limit)
        let mayGrow = Self.held.withLock { held -> Bool in
            guard isPoor || !isFull && held < Self.room else { return false }
            held += 1
            return true
        }
        return mayGrow ? frames.grow() : try giveUp()
    }

    private func giveUp() throws(ArchiveError) -> Int {
        let (frame, page, isChanged) = frames.next()
        guard let page else { return frame }
        if isChanged {
            let file = try openFile()
            let memory = unsafe frames.memory(at: frame)
            try attempt { () throws(Errno) in
                unsafe try Syscall.writeAll(
                    file.rawValue, UnsafeRawBufferPointer(start: memory, count: Self.pageSize),
                    at: Int64(page) * Int64(Self.pageSize))
            }
        }
        frames.vacate(frame)
        return frame
    }

    private func load(_ page: UInt32, changes: Bool) throws(ArchiveError) -> UnsafeMutableRawPointer {
        let frame = try freeFrame()
        let file = try openFile()
        let bytes = try attempt { () throws(Errno) -> [UInt8] in
            let bytes = try Syscall.read(
                file.rawValue, upTo: Self.pageSize, at: Int64(page) * Int64(Self.pageSize))
            guard bytes.count == Self.pageSize else { throw .EIO }
            return bytes
        }
        let memory = unsafe frames.memory(at: frame)
        unsafe UnsafeMutableRawBufferPointer(start: memory, count: Self.pageSize).copyBytes(from: bytes)
        frames.hold(page, in: frame, isChanged: changes)
        return unsafe memory
    }

    // MARK: File

    private func openFile() throws(ArchiveError) -> SharedFD {
        if let file { return file }
        let path = path
        let made = try attempt { () throws(Errno) in SharedFD(try SpillFile.make(beside: path)) }
        file = made
        return made
    }

    private func attempt<Value>(_ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(writing: path ?? "", error) }
    }
}
