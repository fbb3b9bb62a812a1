// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A procfs of a PID namespace that the caller is not in, and does not want to be seen in.
enum ForeignProc {
    /// A context as fsopen(2) makes it. The caller must have one thread only.
    static func open(_ namespace: SharedFD) throws(Errno) -> OwnedFD {
        let context = try Syscall.openFileSystem("proc")
        do throws(Errno) {
            try Syscall.configure(context.rawValue, "pidns", descriptor: namespace.rawValue)
            return context
        } catch .EINVAL {
            return try openInside(namespace)
        } catch {
            throw error
        }
    }

    /// Before Linux 6.17 the kernel takes the namespace of whoever opens the context, so a process must be born in it for
    /// that. It has nothing that a neighbour could take: no file but two pipes, an empty root, and its rights in a user
    /// namespace of its own. Those are enough to open the context; to use it takes the rights of the caller.
    private static func openInside(_ namespace: SharedFD) throws(Errno) -> OwnedFD {
        var news = try Pipe(keepsBounds: true)
        var hold = try Pipe()
        guard let said = news.takeReader(), let speaking = news.takeWriter(), let held = hold.takeReader(),
            let holding = hold.takeWriter()
        else { throw .EBADF }
        guard let maker = try Syscall.fork() else {
            ProcOpener(namespace: namespace.rawValue, news: speaking.rawValue, hold: held.rawValue).run()
        }
        try speaking.close()
        try held.close()
        var opener: Int32?
        let result: Result<OwnedFD, Errno>
        do throws(Errno) {
            var number: Int32?
            while number == nil || opener == nil {
                switch ProcOpener.Message(try said.read(upTo: 16)) {
                case .born(let pid): opener = pid
                case .opened(let descriptor): number = descriptor
                case .failed(let error): throw error
                case nil: throw .EIO
                }
            }
            guard let number, let opener else { throw .EIO }
            result = .success(try PidFD(opener).copy(descriptor: number))
        } catch {
            result = .failure(error)
        }
        // Nobody holds it back any more.
        try holding.close()
        _ = try Syscall.wait(maker)
        if let opener { _ = try Syscall.wait(opener) }
        return try result.get()
    }
}

/// The process that opens the context, and the one before it that makes it.
private struct ProcOpener {
    enum Message {
        case born(Int32)
        case opened(Int32)
        case failed(Errno)

        var bytes: [UInt8] {
            let (kind, value): (UInt8, Int32) =
                switch self {
                case .born(let pid): (1, pid)
                case .opened(let number): (2, number)
                case .failed(let error): (3, error.rawValue)
                }
            return [kind] + (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        }

        init?(_ bytes: [UInt8]) {
            guard bytes.count == 5 else { return nil }
            let value = bytes.dropFirst().reversed().reduce(0) { $0 << 8 | Int32($1) }
            switch bytes[0] {
            case 1: self = .born(value)
            case 2: self = .opened(value)
            case 3: self = .failed(Errno(rawValue: value))
            default: return nil
            }
        }
    }

    let namespace: Int32
    let news: Int32
    let hold: Int32

    /// CAP_SYS_ADMIN of capabilities(7).
    private static let administration: UInt64 = 1 << 21

    func run() -> Never {
        do throws(Errno) {
            try Syscall.setParentDeathSignal(.kill)
            try leaveEverything()
            // Its number outside is known to the maker only, by which the caller can reach it.
            if let opener = try Syscall.forkSibling() { say(.born(opener)) } else { try open() }
        } catch {
            say(.failed(error))
        }
        Syscall.exitNow(0)
    }

    private func leaveEverything() throws(Errno) {
        try EmptyRoot.enter()
        try Syscall.enterNamespace(namespace, .pid)
        try EmptyRoot.becomeNobody(keeping: Self.administration)
        try Syscall.unshare([.user, .mount])
        // A new user namespace comes with all rights in it.
        try Syscall.setCapabilities(effective: Self.administration, permitted: Self.administration, inheritable: 0)
        do throws(SystemError) {
            try DescriptorTable.close(except: [news, hold], preserving: -3)
        } catch {
            throw error.errno
        }
    }

    private func open() throws(Errno) {
        let context = try Syscall.openFileSystem("proc")
        say(.opened(context.rawValue))
        // Until the caller has its copy.
        _ = try Syscall.read(hold, upTo: 1)
    }

    private func say(_ message: Message) {
        // A caller that is gone does not hear it.
        do throws(Errno) { _ = try Syscall.write(news, message.bytes[...]) } catch {}
    }
}
