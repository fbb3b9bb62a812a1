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
        try memory.endUse()
        #expect(bytes.indices.allSatisfy { unsafe bytes[$0] == UInt8(truncatingIfNeeded: $0 &* 31) })
        #expect(memory.loss == nil)
    }

    /// Of 128 MiB, each page of which is touched, over and over, in no order.
    @Test func hasFewPagesInTheProcess() throws {
        let (folder, pages) = (try TemporaryDirectory(), 1 << 15)
        let memory = try FileMemory(in: try Self.file(folder), size: pages * 4096)
        memory.beginUse()
        memory.beginUse()
        var most = 0
        for number in 0..<(4 * pages) {
            let offset = number * 7919 % pages * 4096
            let count = unsafe memory.address.load(fromByteOffset: offset, as: Int.self)
            unsafe memory.address.storeBytes(of: count + 1, toByteOffset: offset, as: Int.self)
            if number % 1024 == 0 { most = max(most, try Self.residentPages(of: memory, pages)) }
        }
        #expect(most > 0)
        #expect(most < 16 << 8)
        try memory.endUse()
        #expect(try Self.residentPages(of: memory, pages) == 0)
        for number in 0..<pages {
            #expect(unsafe memory.address.load(fromByteOffset: number * 4096, as: Int.self) == 4)
        }
    }

    /// By the bits 63 and 61 of each page in proc_pid_pagemap(5): here it is, and a file's.
    private static func residentPages(of memory: FileMemory, _ pages: Int) throws -> Int {
        let map = try Syscall.open("/proc/self/pagemap", .readOnly)
        // With one call, within which no signal is handled.
        let place = unsafe Int64(Int(bitPattern: memory.address) >> 12) * 8
        let entries = try Syscall.read(map.rawValue, upTo: pages * 8, at: place)
        return stride(from: 7, to: entries.count, by: 8).count { entries[$0] & 0xA0 == 0xA0 }
    }

    @Test func leavesNoTimer() throws {
        let folder = try TemporaryDirectory()
        do {
            let memory = try FileMemory(in: try Self.file(folder), size: Self.size)
            memory.beginUse()
            memory.beginUse()
            #expect(try Self.timers() == 1)
            try memory.endUse()
            try memory.endUse()
            #expect(try Self.timers() == 0)
            memory.beginUse()
        }
        #expect(try Self.timers() == 0)
    }

    /// Those that signal this thread; proc_pid_timers(5).
    private static func timers() throws -> Int {
        let thread = try #require(try Syscall.readLink("/proc/thread-self").split(separator: "/").last)
        return try Syscall.readText("/proc/self/timers").split(separator: "\n")
            .count { $0.hasPrefix("notify:") && $0.hasSuffix("tid.\(thread)") }
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
