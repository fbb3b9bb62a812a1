// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The descriptors of a process on its way into a container.
///
/// Close-on-exec is not enough: the kernel resolves the path of the program before it closes anything, so
/// `/proc/self/fd/9/app` would be a program of the host (CVE-2024-21626). And while the process waits, neighbours with
/// CAP_SYS_PTRACE in a shared PID namespace can walk through every directory that it has open.
enum DescriptorTable {
    /// Closes one, in a process that does not use it any more, whoever believes to own it.
    static func close(_ descriptor: Int32) throws(SystemError) {
        try SystemError.attempt("close", "descriptor \(descriptor)") { () throws(Errno) in
            try Syscall.closeAll(in: descriptor..<descriptor + 1)
        }
    }

    /// Closes all descriptors but the standard streams, those that are preserved for the program (3 ..< 3 + N), and the
    /// ones that are named. What else this process believes to own is gone without its knowing: it must never come to
    /// use or to close that, and it does not, because it ends in an execution or an exit.
    static func close(except kept: [Int32], preserving count: Int32) throws(SystemError) {
        try SystemError.attempt("close", "descriptors") { () throws(Errno) in
            var next = 3 + count
            for descriptor in kept.sorted() where descriptor >= next {
                try Syscall.closeAll(in: next..<descriptor)
                next = descriptor + 1
            }
            try Syscall.closeAll(from: next)
        }
    }
}
