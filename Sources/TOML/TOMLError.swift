// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Why a text is no TOML.
package struct TOMLError: Error, Equatable {
    /// Counted from 1.
    package var line: Int?
    /// What is wrong.
    package var cause: String
}
