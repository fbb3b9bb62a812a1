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

    /// Clears a terminal and goes to its upper left corner; a file or a pipe gets one table after the other.
    static func clearTerminal() throws(SystemError) {
        if Terminal.isTerminal(1) { try write(Array("\u{1B}[2J\u{1B}[H".utf8), to: 1) }
    }

    /// A line on standard error. That it cannot be written is nothing that could be told.
    static func note(_ line: String) { try? write(Array(line.utf8) + [10], to: 2) }

    static func report(_ error: any Error) { note("skiffctl: \(error)") }
}
