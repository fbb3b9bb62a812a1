// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What /proc/PID/stat tells of a process. See proc_pid_stat(5).
package struct ProcStat: Hashable, Sendable {
    package var pid: Int32
    package var name: String
    /// `R`, `S`, `Z`, ...
    package var state: Character
    package var parent: Int32
    package var processGroup: Int32
    package var session: Int32
    /// Clock ticks since boot, field 22: pid and start time together name a process for good.
    package var startTime: UInt64
    /// On its way out, maybe not a zombie yet: PF_EXITING in the flags, field 9.
    package var isExiting: Bool
    /// Of a zombie, how it has ended, field 52: also for one that somebody else has to reap first, as a debugger.
    package var end: ExitStatus?

    /// ESRCH when there is no such process.
    package init(_ pid: Int32) throws(Errno) {
        let text: String
        do throws(Errno) {
            text = try Syscall.readText("/proc/\(pid)/stat")
        } catch .ENOENT {
            throw .ESRCH
        }
        guard let parsed = ProcStat(parsing: text) else { throw .EPROTO }
        self = parsed
    }

    /// The name is in parentheses and may hold any character, also parentheses: the last one ends it.
    package init?(parsing text: String) {
        guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close,
            let pid = Int32(text[..<open].filter { $0 != " " })
        else { return nil }
        let fields = text[text.index(after: close)...].split { $0 == " " || $0 == "\n" }
        guard fields.count > 19, let state = fields[0].first, let parent = Int32(fields[1]),
            let group = Int32(fields[2]), let session = Int32(fields[3]), let flags = UInt32(fields[6]),
            let start = UInt64(fields[19])
        else { return nil }
        self.pid = pid
        name = String(text[text.index(after: open)..<close])
        self.state = state
        self.parent = parent
        processGroup = group
        self.session = session
        startTime = start
        isExiting = flags & Self.exiting != 0
        end = state == "Z" && fields.count > 49 ? Int32(fields[49]).map { ExitStatus(waited: $0) } : nil
    }

    private static let exiting: UInt32 = 0x4

    /// Ended and not yet reaped, or being torn down.
    package var isDead: Bool { state == "Z" || state == "X" }

    /// Whether the process of that number is alive and the one that started then.
    package static func isAlive(_ pid: Int32, startTime: UInt64) -> Bool {
        guard let stat = try? ProcStat(pid) else { return false }
        return stat.startTime == startTime && !stat.isDead
    }
}
