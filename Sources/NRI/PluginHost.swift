// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import NRIAPI

/// What plugins want of the engine.
package protocol PluginHost: Sendable {
    /// Of these ids, what pods and living containers are there.
    func inventory(_ known: Set<String>) async -> PluginInventory
    /// Changes the limits of containers; returns those that could not be changed.
    func update(_ updates: [NRIContainerUpdate]) async -> [NRIContainerUpdate]
    /// Ends containers.
    func evict(_ evictions: [NRIContainerEviction]) async
    /// Has it in the log.
    func report(_ report: PluginReport)
}

/// What is there already when a plugin comes.
package struct PluginInventory: Sendable {
    package var pods: [NRIPodSandbox] = []
    package var containers: [NRIContainer] = []

    /// Nothing.
    package init() {}
}

/// What an administrator wants to know.
package enum PluginReport: Hashable, Sendable {
    case news(String)
    case trouble(String)
}
