// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// Why a process cannot be confined as asked. The description is one line for the user.
package struct ConfinementError: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String

    package init(_ message: String) { self.message = message }

    /// `set rlimit "RLIMIT_NOFILE": operation not permitted`
    package init(_ operation: String, _ subject: String, _ errno: Errno) {
        message = "\(operation) \"\(subject)\": \(errno)"
    }

    package var description: String { message }

    /// Runs the body and gives the error number that it throws an operation and a subject.
    @discardableResult
    static func attempt<Value: ~Copyable>(
        _ operation: String, _ subject: @autoclosure () -> String, _ body: () throws(Errno) -> Value
    ) throws(ConfinementError) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw ConfinementError(operation, subject(), error)
        }
    }
}
