// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The version of the programs that are configured together.
package enum EngineVersion {
    /// The version of this build.
    package static let number = "0.1.0"
}
