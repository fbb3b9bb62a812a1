// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@testable import SkiffctlCommands

@Suite struct LogTests {
    private static let time = "2006-01-02T15:04:05.000000001Z"

    private func chunk(_ printer: inout LogPrinter, _ line: String) -> String? {
        printer.take(Array(line.utf8)[...]).map { "\($0.stream):" + String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test func records() {
        var printer = LogPrinter()
        #expect(chunk(&printer, "\(Self.time) stdout F hello  world") == "stdout:hello  world\n")
        #expect(chunk(&printer, "\(Self.time) stderr P half") == "stderr:half")
        #expect(chunk(&printer, "\(Self.time) stderr F:tag  rest") == "stderr: rest\n")
        #expect(chunk(&printer, "\(Self.time) stdout F ") == "stdout:\n")
    }

    @Test(arguments: [
        "", "x", "yesterday stdout F x", "2006-01-02T15:04:05Z stdin F x", "2006-01-02T15:04:05Z stdout X x",
        "2006-01-02T15:04:05Z stdout F",
    ])
    func noRecords(_ line: String) { #expect(LogRecord(Array(line.utf8)[...]) == nil) }

    @Test func timestampsOncePerLine() {
        var printer = LogPrinter(timestamps: true)
        #expect(chunk(&printer, "\(Self.time) stdout P a") == "stdout:\(Self.time) a")
        #expect(chunk(&printer, "\(Self.time) stderr F e") == "stderr:\(Self.time) e\n")
        #expect(chunk(&printer, "\(Self.time) stdout F b") == "stdout:b\n")
        #expect(chunk(&printer, "\(Self.time) stdout F c") == "stdout:\(Self.time) c\n")
    }

    @Test func limits() {
        var printer = LogPrinter(since: 1_136_214_245_000_000_001, limit: 4)
        #expect(chunk(&printer, "2006-01-02T15:04:05Z stdout F old") == nil)
        #expect(chunk(&printer, "\(Self.time) stdout F ab") == "stdout:ab\n")
        #expect(chunk(&printer, "\(Self.time) stdout F cd") == "stdout:c")
        #expect(printer.isExhausted)
        #expect(chunk(&printer, "\(Self.time) stdout F ef") == nil)
    }

    @Test func followsRenameAndTruncation() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/log"
        func append(_ text: String) throws {
            try Syscall.open(path, [.writeOnly, .create, .append]).writeAll(text)
        }
        func all(_ file: inout LogFile) throws -> [String] {
            var result: [String] = []
            repeat {
                while let lines = try file.lines() { result += lines.map { String(decoding: $0, as: UTF8.self) } }
            } while try file.advance()
            return result
        }
        try append("one\ntw")
        var file = try LogFile(path)
        #expect(try all(&file) == ["one"])
        try append("o\nthree\n")
        try Syscall.rename(path, path + ".1")
        #expect(try all(&file) == ["two", "three"])
        try append("four\n")
        #expect(try all(&file) == ["four"])
        try Syscall.open(path, [.writeOnly, .truncate]).close()
        try append("5\n")
        #expect(try all(&file) == ["5"])
    }
}
