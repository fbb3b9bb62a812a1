// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Bytes of a peer that break the rules of a protocol, printed as `read SPDY frame: a PING has 3 bytes`.
package struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was read: `SPDY frame`.
    package var subject: String
    package var cause: String

    package init(_ subject: String, _ cause: String) {
        self.subject = subject
        self.cause = cause
    }

    package var description: String { "read \(subject): \(cause)" }
}
