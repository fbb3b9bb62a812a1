// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

/// The states of a container by name.
enum ContainerStateName {
    private static let names: [(name: String, state: Runtime_V1_ContainerState)] = [
        ("Created", .containerCreated), ("Running", .containerRunning), ("Exited", .containerExited),
        ("Unknown", .containerUnknown),
    ]

    static func text(_ state: Runtime_V1_ContainerState) -> String {
        names.first { $0.state == state }?.name ?? "Unknown"
    }

    /// Upper and lower case are equal.
    static func parse(_ text: String) throws -> Runtime_V1_ContainerState {
        guard let found = names.first(where: { $0.name.lowercased() == text.lowercased() }) else {
            throw ValidationError("not a state: \"\(text)\" (created, running, exited, unknown)")
        }
        return found.state
    }
}
