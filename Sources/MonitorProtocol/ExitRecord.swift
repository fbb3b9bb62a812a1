// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

// The exit record of a container: a file of lines `key=value`, in this order, each ended by a newline.
//
//   version=1             first; a reader passes over keys that it does not know
//   pid=4711              of the container's first process, in the host's PID namespace
//   code=137              0 ... 255; 128 + n when signal n ended it
//   signal=9              0 when it exited by itself
//   oom=1                 1 when the kernel killed it because the container's memory ran out
//   started=1700000000000000000    ns since 1970; the line is absent when the container was never started
//   finished=1700000001000000000   ns since 1970
//   reason=OOMKilled      the word for ContainerStatus.reason: Completed, Error or OOMKilled
//   lost=4096             bytes of output that its log did not take; the line is absent when there are none

/// How and when a container ended. Once its file is there, it is whole.
package struct ExitRecord: Hashable, Sendable {
    package var pid: Int32
    /// 0 ... 255; 128 + n for signal n.
    package var code: UInt32
    /// 0 when no signal ended it.
    package var signal: UInt32
    package var oomKilled: Bool
    /// ns since 1970; nil when the container was created but never started.
    package var started: UInt64?
    /// ns since 1970.
    package var finished: UInt64
    /// One line.
    package var reason: String
    /// Bytes of output that could not be written to the log.
    package var lostBytes: UInt64

    package init(
        pid: Int32, code: UInt32, signal: UInt32, oomKilled: Bool, started: UInt64?, finished: UInt64, reason: String,
        lostBytes: UInt64 = 0
    ) {
        self.pid = pid
        self.code = code
        self.signal = signal
        self.oomKilled = oomKilled
        self.started = started
        self.finished = finished
        self.reason = reason
        self.lostBytes = lostBytes
    }

    /// The content of the file.
    package var text: String {
        var lines = ["version=1", "pid=\(pid)", "code=\(code)", "signal=\(signal)", "oom=\(oomKilled ? 1 : 0)"]
        if let started { lines.append("started=\(started)") }
        lines += ["finished=\(finished)", "reason=\(Self.oneLine(reason))"]
        if lostBytes > 0 { lines.append("lost=\(lostBytes)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Reads the content of the file; nil when a needed key is missing or wrong, or the last line has no end.
    package init?(parsing text: String) {
        guard text.utf8.last == UInt8(ascii: "\n") else { return nil }
        var values: [Substring: Substring] = [:]
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { return nil }
            values[line[..<equals]] = line[line.index(after: equals)...]
        }
        guard values["version"] == "1", let pid = values["pid"].flatMap({ Int32($0) }),
            let code = values["code"].flatMap({ UInt32($0) }), code <= 255,
            let signal = values["signal"].flatMap({ UInt32($0) }),
            let oom = values["oom"], oom == "0" || oom == "1",
            let finished = values["finished"].flatMap({ UInt64($0) }), let reason = values["reason"]
        else { return nil }
        if let started = values["started"] {
            guard let number = UInt64(started) else { return nil }
            self.started = number
        } else {
            started = nil
        }
        guard let lost = UInt64(values["lost"] ?? "0") else { return nil }
        lostBytes = lost
        self.pid = pid
        self.code = code
        self.signal = signal
        oomKilled = oom == "1"
        self.finished = finished
        self.reason = Self.oneLine(reason)
    }

    /// A reason is one word; what would break the format becomes a space, of whichever kind of line's end it is.
    private static func oneLine(_ reason: some StringProtocol) -> String {
        String(reason.map { $0.isNewline ? " " : $0 })
    }
}
