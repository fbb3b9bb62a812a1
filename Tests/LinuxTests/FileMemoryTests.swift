// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite struct FileMemoryTests {
    private static let size = 1 << 20

    private static func file(_ folder: TemporaryDirectory) throws -> OwnedFD {
        try Syscall.open(folder.path, [.readWrite, .temporary], mode: 0o600)
    }

    @Test func keepsWhatItReleased() throws {
        let folder = try TemporaryDirectory()
        let memory = try FileMemory(in: try Self.file(folder), size: Self.size)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: memory.address, count: Self.size)
        #expect(unsafe bytes.allSatisfy { $0 == 0 })
        for index in bytes.indices { unsafe bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        try memory.releasePages()
        #expect(bytes.indices.allSatisfy { unsafe bytes[$0] == UInt8(truncatingIfNeeded: $0 &* 31) })
        #expect(memory.loss == nil)
    }

    /// Touching a page that its file does not have any more ends a program by SIGBUS.
    @Test func tellsWhenItsFileIsGone() throws {
        let folder = try TemporaryDirectory()
        let file = try Self.file(folder)
        let another = try Syscall.duplicate(file.rawValue)
        let memory = try FileMemory(in: file, size: Self.size)
        let other = try FileMemory(in: try Self.file(folder), size: Self.size)
        unsafe other.address.storeBytes(of: 7, as: UInt8.self)
        try Syscall.setLength(of: another.rawValue, 0)
        #expect(unsafe memory.address.load(as: UInt8.self) == 0)
        #expect(memory.loss == .EIO)
        #expect(other.loss == nil)
        #expect(unsafe other.address.load(as: UInt8.self) == 7)
    }

    @Test(.requiresRoot) func tellsThatThereIsNoRoom() throws {
        let folder = try TemporaryDirectory()
        try Syscall.mount(source: "none", target: folder.path, type: "tmpfs", data: "size=256k")
        defer { try? Syscall.unmountAll(folder.path) }
        let memory = try FileMemory(in: try Self.file(folder), size: Self.size)
        for offset in stride(from: 0, to: Self.size, by: 4096) {
            unsafe memory.address.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
        }
        #expect(memory.loss == .ENOSPC)
    }
}
