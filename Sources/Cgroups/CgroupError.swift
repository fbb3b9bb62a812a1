// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// Why a cgroup operation failed. The description is one line for the user.
///
/// Where callers of OCI runtimes look for a text, it is runc's.
package struct CgroupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What callers decide by.
    package enum Code: Hashable, Sendable {
        /// The request is wrong on any host: a malformed path, a limit out of range.
        case invalid
        /// A limit needs a controller that the host does not offer.
        case missingController
        /// The cgroup holds processes, or stays busy or half frozen longer than the operation waits.
        case busy
        /// The other end of a D-Bus connection refused; the name of its error.
        case bus(String)
        /// The kernel refused.
        case system(Errno)
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kernel refused `operation` on `subject`: `read "/sys/fs/cgroup/a/pids.max": no such file or directory`.
    package init(_ operation: String, _ subject: String, _ errno: Errno) {
        self.init(.system(errno), "\(operation) \"\(subject)\": \(errno)")
    }

    package var description: String { message }

    /// Runs the body and gives the error number that it throws an operation and a subject.
    static func attempt<Value: ~Copyable>(
        _ operation: @autoclosure () -> String, _ subject: @autoclosure () -> String, _ body: () throws(Errno) -> Value
    ) throws(CgroupError) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw CgroupError(operation(), subject(), error)
        }
    }
}
