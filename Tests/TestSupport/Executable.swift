// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// Programs that tests put in place.
package enum Executable {
    /// Writes a program that can be run at once. A shell writes it: a descriptor of this process would be inherited by the
    /// children that other tests start meanwhile, and execve(2) answers ETXTBSY as long as one of them holds it.
    package static func write(_ path: String, _ text: String) throws { try write(path, Array(text.utf8)) }

    /// The same from bytes.
    package static func write(_ path: String, _ content: [UInt8]) throws {
        let script = #"cat >"$1" && chmod 755 "$1""#
        let result = try CommandOutput.run(
            ChildPlan("/bin/sh", ["sh", "-c", script, "sh", path], environment: ["PATH=/bin:/usr/bin"]), input: content)
        guard result.status == .exited(0) else { throw NotWritten(path: path, complaint: result.errorText) }
    }

    struct NotWritten: Error {
        var path: String
        var complaint: String
    }
}
