// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Testing
internal import Linux

extension Trait where Self == ConditionTrait {
    /// The test makes namespaces, mounts or cgroups of its own. Everything else runs for any user.
    package static var requiresRoot: Self {
        .enabled(if: Syscall.effectiveUserID == 0, "needs root: it makes namespaces, mounts or cgroups")
    }
}
