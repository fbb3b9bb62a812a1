// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The log file of a container. Writing never fails and never waits for room: what cannot be written, because the disk
/// is full or broken, is dropped and counted, and the file stays one of whole lines. The container goes on. That it
/// begins, and that it is over, is told, neither more often than every ten seconds; the count is in the status.
///
/// A disk that neither takes nor refuses a write holds up the monitor as long as it does so: no second thread would let
/// it tell what it may forget of what it has read.
final class LogFile {
    /// What is told of writing: the error, or nil when it works again.
    typealias Trouble = (_ error: SystemError?) -> Void
    private static let pauseNanoseconds: Int64 = 10_000_000_000

    private let path: String
    /// The size at which the file starts over, 0 for never.
    private let limit: UInt64
    private let log: MonitorLog
    private var file: OwnedFD
    /// Nothing was at the path before. What somebody else has made is his: a file, or /dev/null.
    private var isOurs: Bool
    private var size: UInt64
    /// A line that could be written only in part, and not be taken back, has no end yet.
    private var endsInsideLine = false
    private var failureIsTold = false
    private var trouble: (isTold: Bool, at: Int64)?
    var onTrouble: Trouble?
    /// What gets the lines too.
    var journal: Journal?
    /// Bytes of log lines that were dropped.
    private(set) var lostBytes: UInt64 = 0

    /// Opens the file at its end, or makes it.
    init(path: String, limit: UInt64, log: MonitorLog) throws(SystemError) {
        self.path = path
        self.limit = limit
        self.log = log
        isOurs = true
        file = try Self.openOrMake(path, &isOurs)
        size = try Self.size(of: file, path)
    }

    /// Goes over to the file that is at the path now, or makes it; on failure the old one stays in use.
    func reopen() throws(SystemError) {
        let fresh = try Self.open(path)
        size = try Self.size(of: fresh, path)
        file = fresh
        isOurs = false
        endsInsideLine = false
    }

    /// Appends whole lines.
    func write(_ lines: [UInt8]) {
        journal?.write(lines)
        if limit > 0, size > 0, size + UInt64(lines.count) > limit { startOver() }
        if endsInsideLine { endsInsideLine = appended([UInt8(ascii: "\n")]) == 0 }
        let done = endsInsideLine ? 0 : appended(lines)
        guard done < lines.count else { return tellRecovery() }
        // The line that was cut is taken back, so that readers see whole lines only.
        let whole = (lines[..<done].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        if done > whole { takeBack(UInt64(done - whole)) }
        lostBytes += UInt64(lines.count - whole)
    }

    /// Removes the file that was made here when nothing was written to it: its container could not be created.
    func removeIfEmpty() {
        guard isOurs, size == 0, let own = try? file.status(), let there = try? Syscall.linkStatus(path),
            (own.device, own.inode) == (there.device, there.inode)
        else { return }
        do throws(Errno) { try Syscall.removeFile(path) } catch {}
    }

    /// The number of bytes that were written.
    private func appended(_ bytes: [UInt8]) -> Int {
        var done = 0
        unsafe bytes.withUnsafeBytes { all in
            do throws(Errno) {
                while done < all.count {
                    done += unsafe try Syscall.write(
                        file.rawValue, UnsafeRawBufferPointer(rebasing: all[done...]))
                }
            } catch {
                tell(error)
            }
        }
        size += UInt64(done)
        return done
    }

    private func takeBack(_ count: UInt64) {
        do throws(Errno) {
            // Somebody may have emptied the file meanwhile, as rotation by copies does.
            let end = try file.status().size
            size = end - min(count, end)
            try Syscall.setLength(of: file.rawValue, Int64(size))
        } catch {
            endsInsideLine = true
        }
    }

    private func startOver() {
        do throws(Errno) {
            try Syscall.setLength(of: file.rawValue, 0)
            size = 0
            endsInsideLine = false
        } catch {
            tell(error)
        }
    }

    /// Into the monitor's own log once for each container: a full disk would be filled further with complaints.
    private func tell(_ error: Errno) {
        let error = SystemError("write", path, error)
        if !failureIsTold {
            failureIsTold = true
            log.write("\(error); output that cannot be written is dropped and counted")
        }
        if trouble?.isTold == true || !mayTell { return }
        trouble = (isTold: true, at: KernelClock.monotonic)
        onTrouble?(error)
    }

    private func tellRecovery() {
        guard trouble?.isTold == true, mayTell else { return }
        trouble = (isTold: false, at: KernelClock.monotonic)
        onTrouble?(nil)
    }

    private var mayTell: Bool {
        guard let trouble else { return true }
        return KernelClock.monotonic - trouble.at >= Self.pauseNanoseconds
    }

    private static func openOrMake(_ path: String, _ isNew: inout Bool) throws(SystemError) -> OwnedFD {
        do throws(Errno) {
            return try Syscall.open(path, [.writeOnly, .create, .exclusive, .append], mode: 0o640)
        } catch .EEXIST {
            isNew = false
            return try open(path)
        } catch {
            throw SystemError("open", path, error)
        }
    }

    private static func open(_ path: String) throws(SystemError) -> OwnedFD {
        try SystemError.attempt("open", path) { () throws(Errno) in
            // Nonblocking, for what is no file: a pipe that nobody reads would hold up the whole pod.
            try Syscall.open(path, [.writeOnly, .create, .append, .nonblocking], mode: 0o640)
        }
    }

    private static func size(of file: borrowing OwnedFD, _ path: String) throws(SystemError) -> UInt64 {
        do throws(Errno) {
            return try file.status().size
        } catch {
            throw SystemError("read size of", path, error)
        }
    }
}
