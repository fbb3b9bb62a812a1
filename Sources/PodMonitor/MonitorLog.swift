// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import MonitorProtocol

/// The monitor's own log: few lines, `2006-01-02T15:04:05.000000000Z skiffmon POD: text`.
final class MonitorLog {
    private let pod: String
    private let file: SharedFD?

    /// Appends to the file; to error output when there is none.
    init(pod: String, path: String?) throws(SystemError) {
        self.pod = pod
        guard let path else {
            file = nil
            return
        }
        file = try SystemError.attempt("open", path) { () throws(Errno) in
            SharedFD(try Syscall.open(path, [.writeOnly, .create, .append], mode: 0o640))
        }
    }

    func write(_ text: String) {
        let line = "\(LogTimestamp(KernelClock.realtime).text) skiffmon \(pod): \(text)\n"
        // There is nowhere left to tell that the log cannot be written.
        do throws(Errno) { try Syscall.writeAll(file?.rawValue ?? 2, Array(line.utf8)) } catch {}
    }
}
