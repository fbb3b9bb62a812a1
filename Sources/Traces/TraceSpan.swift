// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Something that took its time, and has ended.
package struct TraceSpan: Hashable, Sendable {
    package enum Kind: Sendable {
        /// A step within the program.
        case inner
        /// A request that it answers.
        case server
        /// A request that it makes.
        case client
    }

    package enum Value: Hashable, Sendable {
        case text(String)
        case number(Int64)
    }

    /// Its own place.
    package var context: TraceContext
    /// The span that it is a part of; nil for the first of a trace.
    package var parent: UInt64?
    /// Whether that one is of another process.
    package var hasRemoteParent = false
    package var name: String
    package var kind: Kind
    /// ns since 1970.
    package var start: Int64
    package var end: Int64
    /// In the order in which they were given.
    package var attributes: [Attribute] = []
    /// Why it failed.
    package var failure: String?

    package struct Attribute: Hashable, Sendable {
        package var name: String
        package var value: Value

        package init(_ name: String, _ text: String) { (self.name, value) = (name, .text(text)) }

        package init(_ name: String, _ number: Int64) { (self.name, value) = (name, .number(number)) }
    }
}
