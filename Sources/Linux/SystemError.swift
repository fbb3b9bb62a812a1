// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What failed, on what, and why, printed as `open "/a/b": no such file or directory`.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation in words that a user knows: `open`, `mount`, `join namespace`.
    package var operation: String
    /// What it was done to, unquoted.
    package var subject: String
    package var errno: Errno

    package init(_ operation: String, _ subject: String, _ errno: Errno) {
        self.operation = operation
        self.subject = subject
        self.errno = errno
    }

    package var description: String { "\(operation) \"\(subject)\": \(errno)" }

    /// Runs the body and gives the error number that it throws an operation and a subject.
    package static func attempt<Value: ~Copyable>(
        _ operation: String, _ subject: @autoclosure () -> String, _ body: () throws(Errno) -> Value
    ) throws(SystemError) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw SystemError(operation, subject(), error)
        }
    }
}
