// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// Where `--log` sends records, in crun's spelling: `FILE` or `file:FILE`, `syslog:NAME`, `journald:NAME`. Under the name
/// records are found there; without one it is the program's.
enum LogDestination {
    /// Appended to.
    case file(SharedFD)
    /// Records as of RFC 3164, "The BSD syslog Protocol", to /dev/log.
    case syslog(SharedFD, name: String)
    /// Fields as of https://systemd.io/JOURNAL_NATIVE_PROTOCOL.
    case journal(SharedFD, name: String)

    private static let syslogSocket = "/dev/log"
    private static let journalSocket = "/run/systemd/journal/socket"

    /// nil without a place to log to. A file is made where it is missing.
    init?(_ text: String?) throws {
        guard let text, !text.isEmpty else { return nil }
        if let name = Self.rest(of: text, behind: "syslog:") {
            self = .syslog(try Self.connect(Self.syslogSocket), name: name.isEmpty ? "skiffrun" : name)
        } else if let name = Self.rest(of: text, behind: "journald:") {
            self = .journal(try Self.connect(Self.journalSocket), name: name.isEmpty ? "skiffrun" : name)
        } else {
            let path = try absolutePath(Self.rest(of: text, behind: "file:") ?? text)
            self = .file(
                try SystemError.attempt("open", path) { () throws(Errno) in
                    SharedFD(try Syscall.open(path, [.writeOnly, .create, .append], mode: 0o644))
                })
        }
    }

    private static func rest(of text: String, behind prefix: String) -> String? {
        text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
    }

    private static func connect(_ path: String) throws(SystemError) -> SharedFD {
        try SystemError.attempt("connect to", path) { () throws(Errno) in
            SharedFD(try UnixSocket.connect(path, .datagrams).descriptor.duplicate())
        }
    }

    /// Sends a message; a file gets the record, which tells level and time besides.
    func write(_ level: RuntimeLog.Level, _ message: String, record: () -> [UInt8]) throws(Errno) {
        switch self {
        case .file(let file): try file.descriptor.writeAll(record())
        case .syslog(let socket, let name):
            // Without a time: the receiver's clock is the sender's. Facility 1 is that of user programs.
            let text = "<\(8 + level.priority)>\(name)[\(Syscall.processID)]: \(message)"
            try socket.descriptor.writeAll(text)
        case .journal(let socket, let name):
            var fields = Self.field("PRIORITY", "\(level.priority)") + Self.field("SYSLOG_IDENTIFIER", name)
            fields += Self.field("MESSAGE", message)
            try socket.descriptor.writeAll(fields)
        }
    }

    /// A value with a line feed in it has its length in front, 64 bits with the lowest first.
    static func field(_ name: String, _ value: String) -> [UInt8] {
        let bytes = Array(value.utf8)
        guard bytes.contains(10) else { return Array("\(name)=".utf8) + bytes + [10] }
        let length = (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) }
        return Array("\(name)\n".utf8) + length + bytes + [10]
    }
}
