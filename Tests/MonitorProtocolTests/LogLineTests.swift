// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import MonitorProtocol
import Testing

struct LogTimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (1_136_214_245_000_000_000, "2006-01-02T15:04:05.000000000Z"),
        (951_782_400_123_456_789, "2000-02-29T00:00:00.123456789Z"),
        (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999999Z"),
        (1_709_251_200_000_000_000, "2024-03-01T00:00:00.000000000Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ])
    func formatsUTC(nanoseconds: Int64, text: String) {
        #expect(LogTimestamp(nanoseconds).text == text)
    }

    @Test func movesForthAndBack() {
        var stamp = LogTimestamp(1_136_214_245_000_000_000)
        stamp.set(1_136_214_245_999_000_000)
        #expect(stamp.text == "2006-01-02T15:04:05.999000000Z")
        stamp.set(1_136_214_246_000_000_007)
        #expect(stamp.text == "2006-01-02T15:04:06.000000007Z")
        stamp.set(0)
        #expect(stamp.text == "1970-01-01T00:00:00.000000000Z")
    }
}

struct LogLineTests {
    static let time = LogTimestamp(1_136_214_245_000_000_000)
    static let head = "2006-01-02T15:04:05.000000000Z"

    /// The log of these reads and the end of the stream.
    static func log(_ reads: [String], _ stream: LogLine.Stream = .stdout) -> String {
        var line = LogLine(stream)
        var output: [UInt8] = []
        for read in reads { line.take(Array(read.utf8), at: time, to: &output) }
        line.finish(at: time, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test(
        arguments: [
            ([], ""),
            ([""], ""),
            (["text\n"], "\(head) stdout F text\n"),
            (["a\nb\n"], "\(head) stdout F a\n\(head) stdout F b\n"),
            (["\n\n"], "\(head) stdout F \n\(head) stdout F \n"),
            (["te", "xt", "\n"], "\(head) stdout F text\n"),
            (["text"], "\(head) stdout P text\n"),
            (["text", "\nrest"], "\(head) stdout F text\n\(head) stdout P rest\n"),
            (["cr\r\n"], "\(head) stdout F cr\r\n"),
        ] as [([String], String)])
    func linesOfReads(reads: [String], log: String) {
        #expect(Self.log(reads) == log)
    }

    @Test func namesTheStream() {
        #expect(Self.log(["e\n"], .stderr) == "\(Self.head) stderr F e\n")
    }

    /// (bytes before the newline or the end, newline follows, texts of the lines)
    @Test(
        arguments: [
            (16_384, true, [("F", 16_384)]),
            (16_385, true, [("P", 16_384), ("F", 1)]),
            (16_384, false, [("P", 16_384)]),
            (32_768, true, [("P", 16_384), ("F", 16_384)]),
            (32_769, false, [("P", 16_384), ("P", 16_384), ("P", 1)]),
        ] as [(Int, Bool, [(String, Int)])], [1, 7, 4096, 16_384, 16_385, 65_536])
    func splitsLongLines(_ row: (count: Int, ends: Bool, lines: [(String, Int)]), readSize: Int) {
        let text = String(repeating: "x", count: row.count) + (row.ends ? "\n" : "")
        var reads: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            reads.append(String(rest.prefix(readSize)))
            rest = rest.dropFirst(readSize)
        }
        let expected = row.lines.map { "\(Self.head) stdout \($0.0) \(String(repeating: "x", count: $0.1))\n" }
        #expect(Self.log(reads) == expected.joined())
    }

    @Test func keepsBytesThatAreNoText() {
        var line = LogLine(.stdout)
        var output: [UInt8] = []
        line.take([0, 255, 128, 10], at: Self.time, to: &output)
        #expect(output == Array("\(Self.head) stdout F ".utf8) + [0, 255, 128, 10])
        #expect(line.pendingBytes == 0)
    }

    @Test func stopsAtTheThreshold() {
        var line = LogLine(.stdout)
        let chunk = [UInt8](repeating: 10, count: 100)
        var output: [UInt8] = []
        var taken = 0
        var rounds = 0
        var all: [UInt8] = []
        while taken < chunk.count {
            taken += unsafe chunk[taken...].withUnsafeBytes {
                unsafe line.take($0, at: Self.time, to: &output, threshold: 100)
            }
            #expect(output.count < 200)
            all += output
            output = []
            rounds += 1
        }
        #expect(rounds > 1)
        #expect(String(decoding: all, as: UTF8.self) == Self.log([String(repeating: "\n", count: 100)]))
    }
}
