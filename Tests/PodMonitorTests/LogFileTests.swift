// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import PodMonitor

struct LogFileTests {
    private let folder: TemporaryDirectory
    private var path: String { "\(folder.path)/log" }

    init() throws { folder = try TemporaryDirectory() }

    private func open(limit: UInt64 = 0) throws -> LogFile {
        try LogFile(path: path, limit: limit, log: try MonitorLog(pod: "p", path: "\(folder.path)/own"))
    }

    @Test func appendsToWhatIsThere() throws {
        try AtomicFile.write(path, "before\n")
        let log = try open()
        log.write(Array("after\n".utf8))
        #expect(try Syscall.readText(path) == "before\nafter\n")
        #expect(log.lostBytes == 0)
    }

    @Test func startsOverAtTheLimit() throws {
        let log = try open(limit: 10)
        log.write(Array("12345\n".utf8))
        log.write(Array("abc\n".utf8))
        #expect(try Syscall.readText(path) == "12345\nabc\n")
        log.write(Array("x\n".utf8))
        #expect(try Syscall.readText(path) == "x\n")
        log.write(Array("longer than the limit\n".utf8))
        #expect(try Syscall.readText(path) == "longer than the limit\n")
    }

    @Test func aFailedReopenChangesNothing() throws {
        let log = try open()
        try Syscall.rename(path, "\(folder.path)/old")
        try Syscall.makeDirectory(path)
        #expect(throws: SystemError("open", path, .EISDIR)) { try log.reopen() }
        log.write([10])
        #expect(try Syscall.readText("\(folder.path)/old") == "\n")
    }

    @Test func aPipeThatNobodyReadsIsNotWaitedFor() throws {
        try Syscall.makeNode(path, mode: 0o010600, device: DeviceNumber(major: 0, minor: 0))
        #expect(throws: SystemError("open", path, .ENXIO)) { try open() }
        let reader = try Syscall.open(path, [.readOnly, .nonblocking])
        let log = try open()
        log.write([UInt8](repeating: 10, count: 1 << 20))
        #expect(log.lostBytes > 0)
        try reader.close()
    }

    @Test(.requiresRoot) func removesNothingThatWasThere() throws {
        try Syscall.makeNode(path, mode: 0o020666, device: DeviceNumber(major: 1, minor: 3))
        try open().removeIfEmpty()
        #expect(Syscall.exists(path), "a container without a log has /dev/null here")
        try Syscall.removeFile(path)

        try AtomicFile.write(path, "")
        try open().removeIfEmpty()
        #expect(Syscall.exists(path))
        try Syscall.removeFile(path)

        let log = try open()
        try Syscall.rename(path, "\(folder.path)/moved")
        try AtomicFile.write(path, "")
        log.removeIfEmpty()
        #expect(Syscall.exists(path))
    }

    @Test func removesOnlyAnEmptyFile() throws {
        try open().removeIfEmpty()
        #expect(!Syscall.exists(path))
        let log = try open()
        log.write([10])
        log.removeIfEmpty()
        #expect(Syscall.exists(path))
    }

    @Test(.requiresRoot) func whatDoesNotFitIsCountedAndLinesStayWhole() throws {
        try Syscall.mount(source: "tmpfs", target: folder.path, type: "tmpfs", data: "size=64k")
        defer { try? Syscall.unmountAll(folder.path) }
        let log = try open()
        let line = [UInt8](repeating: 120, count: 999) + [10]
        let lines = Array(repeatElement(line, count: 20).joined())
        for _ in 0..<10 { log.write(lines) }
        let kept = try Syscall.readFile(path)
        #expect(kept.count % 1000 == 0 && kept.last == 10)
        #expect(Int(log.lostBytes) == 200_000 - kept.count)
        try Syscall.open(path, [.writeOnly, .truncate]).close()
        log.write(line)
        #expect(try Syscall.readFile(path) == line)
    }
}
