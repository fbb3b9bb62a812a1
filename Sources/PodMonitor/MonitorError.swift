// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What went wrong, in one line that a client can show.
struct MonitorError: Error, Hashable, Sendable, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
