// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A range of ids of a user namespace: `count` of them from `inside` on are, seen from here, those from `outside` on. See
/// user_namespaces(7).
package struct IDRange: Hashable, Sendable {
    package var inside: UInt32
    package var outside: UInt32
    package var count: UInt32

    /// Reads `inside:outside:count`. Nil when it is something else, is empty, or goes beyond the last id.
    package init?(parsing text: String) {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
        guard numbers.count == 3, let inside = numbers[0], let outside = numbers[1], let count = numbers[2], count > 0,
            !inside.addingReportingOverflow(count).overflow, !outside.addingReportingOverflow(count).overflow
        else { return nil }
        (self.inside, self.outside, self.count) = (inside, outside, count)
    }

    /// The line of `uid_map`.
    var line: String { "\(inside) \(outside) \(count)\n" }
}
