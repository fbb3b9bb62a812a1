// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// The size of a terminal in character cells.
package struct WindowSize: Hashable, Sendable {
    package var rows: UInt16
    package var columns: UInt16

    package init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// A pseudo-terminal. See pty(7).
package struct Pty: ~Copyable, Sendable {
    package let master: OwnedFD
    /// The name below the devpts that the pair belongs to: `/dev/pts/0`.
    package let name: String

    /// Opens a new pair of the devpts instance whose `ptmx` is at the path.
    package init(multiplexer: String = "/dev/ptmx", at directory: Int32 = Syscall.workingDirectory) throws(Errno) {
        try self.init(adopting: try Syscall.open(multiplexer, [.readWrite, .noControllingTerminal], at: directory))
    }

    /// Takes over a freshly opened ptmx and unlocks its peer.
    package init(adopting ptmx: consuming OwnedFD) throws(Errno) {
        try Errno.check(clx_pty_unlock(ptmx.rawValue))
        var number: UInt32 = 0
        unsafe try Errno.check(clx_pty_number(ptmx.rawValue, &number))
        master = ptmx
        name = "/dev/pts/\(number)"
    }

    /// The other end; see `Terminal.openPeer`.
    package borrowing func openPeer() throws(Errno) -> OwnedFD { try Terminal.openPeer(of: master.rawValue) }
}

/// Settings of a terminal behind a descriptor. See termios(3) and ioctl_tty(2).
package enum Terminal {
    /// The settings to go back to.
    package struct Settings: Sendable { fileprivate var bytes: [UInt8] }

    package static func isTerminal(_ descriptor: Int32) -> Bool { clx_isatty(descriptor) == 1 }

    /// The other end of a pseudo-terminal, opened without a path that could be redirected. While anybody has one open, the
    /// master does not hang up: programs may close a terminal and open it again, as systemd does with its console. See
    /// TIOCGPTPEER in ioctl_tty(2).
    package static func openPeer(of master: Int32) throws(Errno) -> OwnedFD {
        let flags = CLX_O_RDWR | CLX_O_NOCTTY | CLX_O_CLOEXEC
        return OwnedFD(adopting: try Errno.check(clx_pty_peer(master, flags)))
    }

    /// Every key reaches the reader at once; returns the settings before. With `processesOutput` a newline still becomes a
    /// carriage return and a newline: for a terminal behind it that delivers bare ones.
    package static func makeRaw(_ descriptor: Int32, processesOutput: Bool) throws(Errno) -> Settings {
        var bytes = [UInt8](repeating: 0, count: 256)
        unsafe try Errno.check(clx_make_raw(descriptor, processesOutput ? 1 : 0, &bytes, 256))
        return Settings(bytes: bytes)
    }

    /// What is typed is not shown, and what was typed before is forgotten; returns the settings before.
    package static func hideInput(_ descriptor: Int32) throws(Errno) -> Settings {
        var bytes = [UInt8](repeating: 0, count: 256)
        unsafe try Errno.check(clx_hide_input(descriptor, &bytes, 256))
        return Settings(bytes: bytes)
    }

    package static func restore(_ descriptor: Int32, _ settings: Settings) throws(Errno) {
        unsafe try Errno.check(clx_restore_terminal(descriptor, settings.bytes, 256))
    }

    /// Goes back to the settings before SIGHUP, SIGINT, SIGQUIT or SIGTERM ends the process: a raw terminal would be of no
    /// use to whoever comes after it. The corresponding system call is `sigaction(2)`.
    package static func restoreWhenKilled(_ descriptor: Int32, _ settings: Settings) throws(Errno) {
        unsafe try Errno.check(clx_restore_terminal_when_killed(descriptor, settings.bytes, 256))
    }

    package static func windowSize(_ descriptor: Int32) throws(Errno) -> WindowSize {
        var size = WindowSize(rows: 0, columns: 0)
        unsafe try Errno.check(clx_get_window_size(descriptor, &size.rows, &size.columns))
        return size
    }

    package static func setWindowSize(_ descriptor: Int32, _ size: WindowSize) throws(Errno) {
        try Errno.check(clx_window_size(descriptor, size.rows, size.columns))
    }

    /// A newline stays a newline on the way to the master.
    package static func clearNewlineTranslation(_ descriptor: Int32) throws(Errno) {
        try Errno.check(clx_clear_onlcr(descriptor))
    }

    /// Makes the terminal the controlling one of the caller's session. See TIOCSCTTY in ioctl_tty(2).
    package static func makeControlling(_ descriptor: Int32) throws(Errno) {
        try Errno.check(clx_ioctl_int(descriptor, CLX_TIOCSCTTY, 0))
    }
}
