// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// systemd's journal, which gets the output of a container beside its log file: one datagram for each line of the log, with
/// a field in each of its lines. See "Native Journal Protocol" of systemd.io.
///
/// It never waits: what the journal does not take at once is only in the file. A journal that went away is looked for again
/// every ten seconds, when there is a line for it.
final class Journal {
    private static let pause: Int64 = 10_000_000_000

    private let path: String
    private let fields: [UInt8]
    private let log: MonitorLog
    private var socket: UnixSocket
    /// When it may be looked for again, by the monotonic clock.
    private var nextAttempt: Int64 = 0
    private var isConnected = true
    private var isLossTold = false

    /// Connects to the socket at the path, for the output of the container.
    init(_ path: String, container: String, pod: String, log: MonitorLog) throws(SystemError) {
        self.path = path
        self.log = log
        socket = try Self.connect(path)
        let short = container.prefix(12)
        fields = Array(
            "SYSLOG_IDENTIFIER=\(short)\nCONTAINER_ID=\(short)\nCONTAINER_ID_FULL=\(container)\nPOD_ID=\(pod)\n".utf8)
    }

    private static func connect(_ path: String) throws(SystemError) -> UnixSocket {
        try SystemError.attempt("connect to", path) { () throws(Errno) in
            let socket = try UnixSocket.connect(path, .datagrams)
            try socket.descriptor.setNonblocking(true)
            return socket
        }
    }

    /// Hands on whole lines of a log.
    func write(_ lines: [UInt8]) {
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            guard let entry = Self.entry(line) else { continue }
            send(entry + fields)
        }
    }

    private func send(_ entry: [UInt8]) {
        guard isConnected else { return sendAnew(entry) }
        do throws(Errno) {
            try Syscall.writeAll(socket.rawValue, entry)
        } catch .ECONNREFUSED {
            isConnected = false
            sendAnew(entry)
        } catch {
            // Full: the file has the line.
        }
    }

    private func sendAnew(_ entry: [UInt8]) {
        let now = KernelClock.monotonic
        guard now >= nextAttempt else { return }
        nextAttempt = now + Self.pause
        do throws(SystemError) {
            socket = try Self.connect(path)
            (isConnected, isLossTold) = (true, false)
            do throws(Errno) { try Syscall.writeAll(socket.rawValue, entry) } catch {}
        } catch {
            if !isLossTold { log.write("\(error); the output is in the log alone until the journal is back") }
            isLossTold = true
        }
    }

    /// The fields that one line of a log stands for: `TIME stdout F text`.
    static func entry(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        // LOG_INFO and LOG_ERR of syslog(3).
        let priority = parts[1].elementsEqual("stderr".utf8) ? 3 : 6
        var entry = Array("PRIORITY=\(priority)\n".utf8)
        if parts[2].elementsEqual("P".utf8) { entry += Array("CONTAINER_PARTIAL_MESSAGE=true\n".utf8) }
        return entry + Array("MESSAGE=".utf8) + parts[3] + [UInt8(ascii: "\n")]
    }
}
