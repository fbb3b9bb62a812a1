// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import NRIAPI
internal import SwiftProtobuf

/// What plugins want changed of containers that are there, put together.
package struct UpdateMerge: Sendable {
    /// In the order in which they were first named.
    package private(set) var updates: [NRIContainerUpdate] = []
    package var evictions: [NRIContainerEviction] = []
    private(set) var owners: [String: FieldOwners] = [:]
    /// The container that an update is about, with what it was asked for; plugins change that.
    private let subject: String?
    /// What it comes to.
    package private(set) var resources: NRILinuxResources

    /// Of no container in particular, or of one that shall get these limits.
    package init(subject: String? = nil, resources: NRILinuxResources = .init()) {
        self.subject = subject
        self.resources = resources
    }

    /// Adds what a plugin wants. Of an update that may fail, a conflict is a failure.
    mutating func add(_ wanted: [NRIContainerUpdate], of plugin: String) throws(PluginError) {
        for update in wanted {
            let before = self
            do {
                try add(update, of: plugin)
            } catch {
                guard update.ignoreFailure else { throw error }
                self = before
            }
        }
    }

    private mutating func add(_ update: NRIContainerUpdate, of plugin: String) throws(PluginError) {
        let id = update.containerID
        var owned = owners[id] ?? FieldOwners()
        if id == subject {
            try resources.take(update.linux.resources, of: plugin, &owned)
        } else {
            let place = updates.firstIndex { $0.containerID == id }
            var merged = place.map { updates[$0] } ?? .with { ($0.containerID, $0.ignoreFailure) = (id, true) }
            merged.ignoreFailure = merged.ignoreFailure && update.ignoreFailure
            try merged.linux.resources.take(update.linux.resources, of: plugin, &owned)
            if let place { updates[place] = merged } else { updates.append(merged) }
        }
        owners[id] = owned
    }
}
