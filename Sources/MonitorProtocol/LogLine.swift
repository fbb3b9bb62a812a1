// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The log of a container, as kubelet and crictl read it; one line for each line of output:
//
//   2006-01-02T15:04:05.000000000Z stdout F text\n
//
// The tag is F when the container ended the line there, and P when it did not: then the text goes on in the next line of
// the same stream. A line of output longer than 16,384 bytes becomes P lines of 16,384 bytes and a last one with the
// rest. What a stream holds beyond its last newline is written as a P line when it ends. So the output is the texts, with
// a newline after each F, and nothing is lost or added. The time is that of the read that completed the text.

internal import Glibc

/// Turns the bytes of one output stream into log lines.
package struct LogLine: Sendable {
    package enum Stream: Sendable { case stdout, stderr }

    /// The longest text of one log line, in bytes.
    package static let limit = 16_384

    private let stream: Stream
    /// The beginning of a line whose end has not come yet, at most `limit` bytes.
    private var pending: [UInt8] = []

    package init(_ stream: Stream) { self.stream = stream }

    /// Bytes taken that are in no log line yet.
    package var pendingBytes: Int { pending.count }

    /// Takes bytes and appends the log lines that they complete. Stops early once `output` has reached `threshold`
    /// bytes, so that many short lines do not pile up. Returns the number of bytes taken.
    package mutating func take(
        _ chunk: UnsafeRawBufferPointer, at time: LogTimestamp, to output: inout [UInt8], threshold: Int = .max
    ) -> Int {
        var position = 0
        while position < chunk.count, output.count < threshold {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: chunk[position...])
            // One byte more than fits tells a line that is exactly full from one that goes on.
            let room = Self.limit - pending.count
            let window = min(rest.count, room + 1)
            if let end = unsafe Self.newline(in: rest, before: window) {
                unsafe append(UnsafeRawBufferPointer(rebasing: rest[..<end]), tag: Self.full, time, to: &output)
                position += end + 1
            } else if window > room {
                unsafe append(UnsafeRawBufferPointer(rebasing: rest[..<room]), tag: Self.partial, time, to: &output)
                position += room
            } else {
                unsafe pending += rest
                position = chunk.count
            }
        }
        return position
    }

    /// The same for an array.
    package mutating func take(_ chunk: [UInt8], at time: LogTimestamp, to output: inout [UInt8]) {
        _ = unsafe chunk.withUnsafeBytes { unsafe take($0, at: time, to: &output) }
    }

    /// At the end of the stream: appends what has no newline as a partial line.
    package mutating func finish(at time: LogTimestamp, to output: inout [UInt8]) {
        guard !pending.isEmpty else { return }
        unsafe append(UnsafeRawBufferPointer(start: nil, count: 0), tag: Self.partial, time, to: &output)
    }

    private static let full = UInt8(ascii: "F")
    private static let partial = UInt8(ascii: "P")

    private mutating func append(
        _ text: UnsafeRawBufferPointer, tag: UInt8, _ time: LogTimestamp, to output: inout [UInt8]
    ) {
        output += time.bytes
        output += stream == .stdout ? " stdout ".utf8 : " stderr ".utf8
        output.append(tag)
        output.append(UInt8(ascii: " "))
        if !pending.isEmpty {
            output += pending
            // The memory goes back: most streams end their lines, and a monitor shall stay small.
            pending = []
        }
        unsafe output += text
        output.append(UInt8(ascii: "\n"))
    }

    private static func newline(in bytes: UnsafeRawBufferPointer, before limit: Int) -> Int? {
        guard limit > 0, let start = bytes.baseAddress, let found = unsafe memchr(start, 10, limit) else { return nil }
        return unsafe UnsafeRawPointer(found) - start
    }
}
