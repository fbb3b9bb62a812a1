// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What the machine and the daemon can do, as far as a specification depends on it.
package struct HostFacts: Hashable, Sendable {
    /// Whether all controllers are in the unified hierarchy.
    package var hasUnifiedCgroups: Bool
    /// Capabilities that the daemon holds and can hand on.
    package var capabilities: Set<String>
    /// Sizes of huge pages that a cgroup can limit: `2MB`.
    package var hugepageSizes: Set<String>
    /// Whether the use of swap can be limited.
    package var limitsSwap: Bool
    /// The lowest `oom_score_adj` that the daemon may give a process.
    package var lowestOOMScore: Int
    /// Go's name of the machine's architecture: `amd64`.
    package var architecture: String
    /// Whether the root of a cgroup namespace is kept from the limits of its own cgroup.
    package var delegatesCgroups = false
    package var hasAppArmor = false
    package var hasSELinux = false
    /// What SELinux' policy has for containers; nil where there is none.
    package var selinux: SELinuxPolicy?
    /// Whether programs can read whether the kernel keeps to FIPS.
    package var tellsOfFIPS = false
    /// Whether pods can have users of their own.
    package var hasUserNamespaces = false

    /// Every property by name.
    package init(
        hasUnifiedCgroups: Bool, capabilities: Set<String> = Set(Capabilities.known), hugepageSizes: Set<String> = [],
        limitsSwap: Bool = true, lowestOOMScore: Int = -1000, architecture: String
    ) {
        self.hasUnifiedCgroups = hasUnifiedCgroups
        self.capabilities = capabilities
        self.hugepageSizes = hugepageSizes
        self.limitsSwap = limitsSwap
        self.lowestOOMScore = lowestOOMScore
        self.architecture = architecture
    }
}
