// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Why a configuration cannot become a container: what is wrong with it, in one line.
package struct PlanError: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String

    package init(_ message: String) { self.message = message }

    /// A property that this runtime does not act on. It is refused, for a limit that is ignored is worse than none.
    static func unsupported(_ property: String) -> PlanError { PlanError("\(property) is not supported") }

    package var description: String { message }
}

/// Why an operation on a container failed. Texts are those of runc where its callers look for them.
package struct RuntimeError: Error, Hashable, Sendable, CustomStringConvertible {
    package var message: String

    package init(_ message: String) { self.message = message }

    package static let doesNotExist = RuntimeError("container does not exist")
    /// The process that was to become the container has closed its end without a word.
    static let initEnded = RuntimeError("container init ended unexpectedly")
    package static let notRunning = RuntimeError("container not running")

    package var description: String { message }
}
