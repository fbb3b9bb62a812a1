// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// Asks a person for a password.
enum PasswordPrompt {
    /// Reads a line from standard input; what is typed on a terminal is not shown.
    static func ask(for user: String) throws -> String {
        let isTerminal = Terminal.isTerminal(0)
        var before: Terminal.Settings?
        if isTerminal {
            try Console.write(Array("Password of \(user): ".utf8), to: 2)
            let settings = try SystemError.attempt("set mode of", "terminal") { () throws(Errno) in
                try Terminal.hideInput(0)
            }
            // Refused it would only be for a wrong signal.
            try? Terminal.restoreWhenKilled(0, settings)
            before = settings
        }
        defer {
            // A terminal that is gone needs no restoring.
            if let before { try? Terminal.restore(0, before) }
            if isTerminal { Console.note("") }
        }
        guard let line = try line(), !line.isEmpty else {
            throw CommandError("read password of", user, "there is none")
        }
        return line
    }

    /// Byte by byte: what is behind the line belongs to others.
    private static func line() throws -> String? {
        var bytes: [UInt8] = []
        while bytes.last != UInt8(ascii: "\n") {
            let more = try SystemError.attempt("read", "standard input") { () throws(Errno) in
                try Syscall.read(0, upTo: 1)
            }
            if more.isEmpty { break }
            bytes += more
        }
        return String(validating: bytes.filter { $0 != 10 && $0 != 13 }, as: UTF8.self)
    }
}
