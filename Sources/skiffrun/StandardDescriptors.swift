// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The first three descriptors of the program.
enum StandardDescriptors {
    /// Opens the null device in the place of those that the caller has closed. Otherwise the first file that the runtime
    /// opens would be taken for a stream of the container, and given to its user.
    static func fill() throws(SystemError) {
        for stream: Int32 in 0...2 where !Syscall.isOpen(stream) {
            try SystemError.attempt("open", "/dev/null") { () throws(Errno) in
                // The lowest free number is the stream's own. It stays open, also when the program executes itself.
                let opened = try Syscall.open("/dev/null", .readWrite).release()
                try Syscall.duplicate(opened, onto: stream)
            }
        }
    }
}
