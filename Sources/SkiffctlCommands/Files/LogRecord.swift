// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// One line of a container's log: `2006-01-02T15:04:05.000000000Z stdout F text`.
struct LogRecord: Equatable {
    enum Stream: String, CaseIterable { case stdout, stderr }

    var time: Int64
    /// The time as it is written.
    var timeText: String
    var stream: Stream
    /// Whether the container's own line goes on in the next record of the stream.
    var isPartial: Bool
    var text: ArraySlice<UInt8>

    /// Parses a line without its newline; nil if it is none. Tags after the first, divided by colons, are not known.
    init?(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4 else { return nil }
        let words = fields[..<3].map { String(decoding: $0, as: UTF8.self) }
        guard let time = Clock.parse(words[0]), let stream = Stream(rawValue: words[1]) else { return nil }
        let tag = words[2].prefix { $0 != ":" }
        guard tag == "P" || tag == "F" else { return nil }
        self.time = time
        timeText = words[0]
        self.stream = stream
        isPartial = tag == "P"
        text = fields[3]
    }
}
