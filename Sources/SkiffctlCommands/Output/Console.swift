// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// The standard streams.
enum Console {
    /// A line on standard output.
    static func print(_ line: String) throws(SystemError) { try write(Array(line.utf8) + [10], to: 1) }

    static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        try SystemError.attempt("write", descriptor == 1 ? "standard output" : "standard error") { () throws(Errno) in
            try Syscall.writeAll(descriptor, bytes)
        }
    }

    /// A line on standard error. That it cannot be written is nothing that could be told.
    static func note(_ line: String) { try? write(Array(line.utf8) + [10], to: 2) }

    static func report(_ error: any Error) { note("skiffctl: \(error)") }
}
