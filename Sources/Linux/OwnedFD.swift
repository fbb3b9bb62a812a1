// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// A file descriptor that closes exactly once: when it goes out of scope, or by `close()`.
///
/// Every descriptor that Skiff opens is close-on-exec; what a child shall have is mapped explicitly when it is spawned.
package struct OwnedFD: ~Copyable, Sendable {
    package let rawValue: Int32

    /// Takes over a descriptor that nobody else will close.
    package init(adopting descriptor: Int32) { rawValue = descriptor }

    deinit { _ = clx_close(rawValue) }

    /// Closes and tells what close(2) says: a delayed write error, for one.
    package consuming func close() throws(Errno) {
        let descriptor = rawValue
        discard self
        try Errno.check(clx_close(descriptor))
    }

    /// Gives up ownership; the caller closes the number.
    package consuming func release() -> Int32 {
        let descriptor = rawValue
        discard self
        return descriptor
    }

    /// A second descriptor of the same open file. The corresponding system call is `fcntl(2)` with F_DUPFD_CLOEXEC.
    package borrowing func duplicate() throws(Errno) -> OwnedFD {
        OwnedFD(adopting: try Errno.check(clx_dup_cloexec(rawValue)))
    }

    /// The path through which any system call can reach this very file, also one that was opened with O_PATH.
    /// Needs /proc; proc_pid_fd(5).
    package var procPath: String { "/proc/self/fd/\(rawValue)" }
}

/// The class that lets owned descriptors live in arrays and dictionaries, which noncopyable types cannot.
package final class SharedFD: Sendable {
    package let descriptor: OwnedFD
    package var rawValue: Int32 { descriptor.rawValue }

    package init(_ descriptor: consuming OwnedFD) { self.descriptor = descriptor }
}

/// Both ends of a pipe; each is taken once.
package struct Pipe: ~Copyable {
    package var reader: OwnedFD?
    package var writer: OwnedFD?

    /// With `keepsBounds` each write of at most 4096 bytes is one read. The corresponding system call is `pipe2(2)`.
    package init(nonblocking: Bool = false, keepsBounds: Bool = false) throws(Errno) {
        var ends: (Int32, Int32) = (-1, -1)
        let flags = CLX_O_CLOEXEC | (nonblocking ? CLX_O_NONBLOCK : 0) | (keepsBounds ? CLX_O_DIRECT : 0)
        let result = unsafe withUnsafeMutablePointer(to: &ends) { pointer in
            unsafe pointer.withMemoryRebound(to: Int32.self, capacity: 2) { unsafe clx_pipe2($0, flags) }
        }
        try Errno.check(result)
        reader = OwnedFD(adopting: ends.0)
        writer = OwnedFD(adopting: ends.1)
    }

    /// Gives the reading end away; nil when it was taken before.
    package mutating func takeReader() -> OwnedFD? { reader.take() }

    /// Gives the writing end away; nil when it was taken before.
    package mutating func takeWriter() -> OwnedFD? { writer.take() }
}
