// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The pseudo-terminal of a process, from the container's own devpts.
enum ContainerTerminal {
    private static let devptsFileSystem: Int64 = 0x1cd1

    /// Opens the pair, hands the master to the runtime, and makes the other end the three standard streams.
    static func open(_ plan: ProcessPlan, _ channel: borrowing InitEndpoint, bindConsole: Bool) throws {
        let pty = try SystemError.attempt("open", "/dev/ptmx") { () throws(Errno) in
            try Pty(adopting: try openMultiplexer())
        }
        let peer = try SystemError.attempt("open", pty.name) { () throws(Errno) in try pty.openPeer() }
        try SystemError.attempt("set up terminal", pty.name) { () throws(Errno) in
            if let size = plan.windowSize { try Terminal.setWindowSize(peer.rawValue, size) }
            if plan.uid != 0 {
                try Syscall.changeOwner(of: peer.rawValue, uid: plan.uid, gid: try peer.status().gid)
            }
        }
        if bindConsole { try bind(peer, to: "/dev/console") }
        try channel.send(terminal: pty.name, master: pty.master.rawValue)
        try SystemError.attempt("use terminal", pty.name) { () throws(Errno) in
            for stream: Int32 in 0...2 { try Syscall.duplicate(peer.rawValue, onto: stream) }
        }
    }

    /// The image or a neighbour in the container may have put anything there: only the real thing is used.
    private static func openMultiplexer() throws(Errno) -> OwnedFD {
        let ptmx = try Syscall.open("/dev/ptmx", [.readWrite, .noControllingTerminal])
        let status = try ptmx.status()
        guard status.kind == .character, status.deviceNumber == DeviceNumber(major: 5, minor: 2) else { throw .ENODEV }
        return ptmx
    }

    /// The mount is taken from the descriptor and put on a descriptor, so nobody can slip in (CVE-2025-52565).
    private static func bind(_ peer: borrowing OwnedFD, to path: String) throws {
        try SystemError.attempt("mount terminal to", path) { () throws(Errno) in
            do throws(Errno) {
                _ = try Syscall.open(path, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o620)
            } catch .EEXIST {}
            let target = try Syscall.open(path, [.path, .noFollow])
            guard try target.status().kind != .symlink else { throw .ELOOP }
            let mount = try Syscall.openTree("", at: peer.rawValue, clone: true)
            guard try Syscall.fileSystem(of: mount.rawValue).type == devptsFileSystem else { throw .ENODEV }
            try Syscall.moveMount(mount.rawValue, to: "", at: target.rawValue)
        }
    }
}
