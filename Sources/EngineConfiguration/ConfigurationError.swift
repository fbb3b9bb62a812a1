// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Why a configuration cannot be used: one line that names the file, the line and the key, as far as they are known.
///
/// `read configuration "/etc/skiff/skiff.toml", line 7: key "cni.bin_dirs": expected an array of strings, found a string`
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The file, or nil when no file is to blame (a value that a program passed).
    package var file: String?
    /// The line in `file`, counted from 1.
    package var line: Int?
    /// The full dotted key, such as `runtime.handlers.crun.path`.
    package var key: String?
    /// What is wrong, without any of the above.
    package var cause: String

    /// An error of which everything is known.
    package init(file: String? = nil, line: Int? = nil, key: String? = nil, cause: String) {
        self.file = file
        self.line = line
        self.key = key
        self.cause = cause
    }

    /// The one line that a user reads.
    package var description: String {
        var text = "read configuration"
        if let file { text += " \"\(file)\"" }
        if let line { text += ", line \(line)" }
        if let key { text += ": key \"\(key)\"" }
        return text + ": " + cause
    }
}

/// What a check has against a value; the loader adds file, line and key.
struct Complaint: Error {
    var cause: String

    init(_ cause: String) { self.cause = cause }
}
