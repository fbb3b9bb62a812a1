// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Turns log lines into the container's output again, each stream for itself.
struct LogPrinter {
    struct Chunk: Equatable {
        var stream: LogRecord.Stream
        var bytes: [UInt8]
    }

    /// Older records are left out; ns since 1970.
    var since: Int64 = .min
    var timestamps = false
    /// How many bytes of the container's output may still come; nil is no limit.
    var remaining: Int?
    /// The only stream that is printed; nil is both.
    var stream: LogRecord.Stream?

    private var openLines: Set<LogRecord.Stream> = []

    init(
        since: Int64 = .min, timestamps: Bool = false, limit: Int? = nil, stream: LogRecord.Stream? = nil
    ) {
        self.since = since
        self.timestamps = timestamps
        remaining = limit
        self.stream = stream
    }

    var isExhausted: Bool { remaining == 0 }

    /// What a line of the log means for the output; nil if nothing, also for a line that is no record.
    mutating func take(_ line: ArraySlice<UInt8>) -> Chunk? {
        guard let record = LogRecord(line), record.time >= since, !isExhausted,
            stream ?? record.stream == record.stream
        else { return nil }
        var bytes: [UInt8] = []
        if timestamps, !openLines.contains(record.stream) { bytes += Array((record.timeText + " ").utf8) }
        var text = Array(record.text)
        if record.isPartial {
            openLines.insert(record.stream)
        } else {
            openLines.remove(record.stream)
            text.append(UInt8(ascii: "\n"))
        }
        if let rest = remaining {
            text = Array(text.prefix(rest))
            remaining = rest - text.count
        }
        return Chunk(stream: record.stream, bytes: bytes + text)
    }
}
