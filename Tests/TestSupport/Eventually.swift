// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A condition that did not come true in time.
package struct NeverHappened: Error, CustomStringConvertible {
    package var description: String
}

/// Waits until the condition holds, asking a hundred times a second; throws after `seconds`. The time is only there to
/// end a failed test: it is generous, and nothing is measured by it.
package func eventually(
    _ what: String, seconds: Int = 60, _ condition: () throws -> Bool
) throws {
    let deadline = KernelClock.monotonic + Int64(seconds) * 1_000_000_000
    while try !condition() {
        guard KernelClock.monotonic < deadline else { throw NeverHappened(description: "never happened: \(what)") }
        // A pause without a descriptor: poll(2) of none.
        _ = try? Syscall.poll(-1, for: [], milliseconds: 10)
    }
}
