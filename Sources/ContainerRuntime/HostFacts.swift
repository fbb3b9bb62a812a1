// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Confinement

/// What a plan has to know of the host. Plans are made from this value alone, so a test may describe any host.
package struct HostFacts: Hashable, Sendable {
    /// The security modules that label processes.
    package var labels: SecurityLabel.Host

    package init(labels: SecurityLabel.Host) { self.labels = labels }

    /// A host with or without these modules.
    package init(appArmor: Bool, seLinux: Bool) { labels = .init(appArmor: appArmor, seLinux: seLinux) }

    /// The facts of this host.
    package static func current() -> HostFacts { HostFacts(labels: .current) }
}
