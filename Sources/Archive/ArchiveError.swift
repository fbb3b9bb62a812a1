// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Why a layer could not be read or unpacked.
package struct ArchiveError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault, for callers that decide by it.
    package enum Code: Hashable, Sendable {
        /// The stream is no tar, is cut off, or its compressed form is damaged.
        case corrupt
        /// An entry that would reach out of the directory, or forges what only the store may write.
        case hostile
        /// An entry that cannot be represented: an unknown type, a link to nothing.
        case unsupported
        /// More entries, or longer names, than any image has.
        case tooLarge
        /// The file system is full, or a quota is.
        case noSpace
        /// The file system refused otherwise.
        case io
    }

    /// The kind of fault.
    package var code: Code
    /// What was attempted: `unpack entry`.
    package var operation: String
    /// What it was attempted on: the entry's name.
    package var subject: String
    /// Why it failed.
    package var reason: String
    /// The kernel's error, if it was one.
    private(set) var errno: Errno?

    /// An error of the given parts.
    package init(_ code: Code, _ operation: String, _ subject: String, _ reason: String) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.reason = reason
    }

    /// An error of the kernel while an entry was written.
    init(entry: some CustomStringConvertible, _ errno: Errno) {
        let code: Code = errno == .ENOSPC || errno == .EDQUOT ? .noSpace : .io
        self.init(code, "unpack entry", entry.description, errno.description)
        self.errno = errno
    }

    /// An error of the kernel while a file of a layer was written.
    init(writing path: String, _ errno: Errno) {
        let code: Code = errno == .ENOSPC || errno == .EDQUOT ? .noSpace : .io
        self.init(code, "write layer", path, errno.description)
        self.errno = errno
    }

    /// For those who tell of an error themselves: the kernel's error alone, EIO where it was none.
    static func asErrno<Value>(_ body: () throws(ArchiveError) -> Value) throws(Errno) -> Value {
        do throws(ArchiveError) { return try body() } catch { throw error.errno ?? .EIO }
    }

    /// One line: operation, quoted subject, reason.
    package var description: String {
        subject.isEmpty ? "\(operation): \(reason)" : "\(operation) \(Self.quoted(subject)): \(reason)"
    }

    /// A text of the archive in quotes, on one line and not too long.
    static func quoted(_ text: String) -> String {
        var quoted = ""
        for scalar in text.unicodeScalars.prefix(300) {
            let isPlain = scalar != "\"" && scalar != "\\" && scalar.value >= 0x20 && scalar.value != 0x7F
            quoted += isPlain ? String(scalar) : scalar.escaped(asASCII: true)
        }
        return "\"\(quoted)\""
    }
}
