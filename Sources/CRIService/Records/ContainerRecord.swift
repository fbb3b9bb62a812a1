// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import FoundationEssentials
internal import GRDB

/// The row of one container.
package struct ContainerRecord: Codable, Hashable, Sendable {
    /// How far a container got.
    package enum State: String, Codable, Sendable {
        /// Not acknowledged: undone when the daemon finds it after a restart.
        case creating
        case created
        case running
        case exited
    }

    package var id: String
    package var revision: Int64 = 0
    /// Id of the pod.
    package var pod: String
    /// `name_podname_namespace_uid_attempt`.
    package var name: String
    package var state: State
    /// Times are ns since 1970; 0 means never.
    package var createdAt: Int64
    package var startedAt: Int64 = 0
    package var finishedAt: Int64 = 0
    package var exitCode: Int32 = 0
    /// A word for machines: `Completed`, `Error`, `OOMKilled`, ...
    package var reason: String = ""
    /// A sentence for people.
    package var message: String = ""
    /// The image's id, and the name with digest under which a registry has it.
    package var imageID: String
    package var imageRef: String
    /// ContainerConfig as it came.
    package var config: Data
    /// The process's identity.
    package var user: UserDatabase.Identity
    package var stopSignal: Int32
    /// Absolute; "" when nobody wants a log.
    package var logPath: String
    /// The container's cgroup from the root of the hierarchy.
    package var cgroup: String
    /// The first process: pid and start time together name it.
    package var pid: Int32?
    package var startTime: Int64?
    /// The runtime's program; "" for the pod's.
    package var runtimePath = ""
}

extension ContainerRecord: RevisedRecord {
    package static var databaseTableName: String { "containers" }
}
