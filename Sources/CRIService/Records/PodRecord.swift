// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import FoundationEssentials
internal import GRDB

/// The row of one pod.
package struct PodRecord: Codable, Hashable, Sendable {
    /// How far a pod got.
    package enum State: String, Codable, Sendable {
        /// Not acknowledged: undone when the daemon finds it after a restart.
        case creating
        case ready
        /// Its monitor ended or it was stopped; its containers have ended.
        case stopped
    }

    package var id: String
    package var revision: Int64 = 0
    /// `name_namespace_uid_attempt`.
    package var name: String
    package var state: State
    /// ns since 1970.
    package var createdAt: Int64
    package var handler: String
    /// The handler's program and its `--root` when the pod was made; "" in rows of builds that did not keep them.
    package var runtimePath = ""
    package var runtimeRoot = ""
    /// PodSandboxConfig as it came.
    package var config: Data
    /// The pod's cgroup from the root of the hierarchy.
    package var cgroup: String
    /// Whether the daemon made it, and not the client.
    package var ownsCgroup: Bool
    /// The level of its containers' SELinux labels; "" for a pod without.
    package var level = ""
    /// The monitor, once it runs: pid and start time together name the process.
    package var monitorPID: Int32?
    package var monitorStart: Int64?
    /// Addresses of the pod with commas between them.
    package var ips: String = ""
}

extension PodRecord: RevisedRecord {
    package static var databaseTableName: String { "pods" }
}

/// The row of a network that a pod joined, or was about to join.
struct AttachmentRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
    static let databaseTableName = "attachments"
    var pod: String
    var network: String
    var interface: String
    /// The path of the network namespace.
    var namespace: String
}

/// The row of something begun: what it was about is finished or undone after a restart.
struct OperationRecord: Codable, Hashable, Sendable, FetchableRecord, PersistableRecord {
    enum Kind: String, Codable, Sendable { case run, create, stop, remove, checkpoint }

    static let databaseTableName = "operations"
    /// `pod/ID` or `container/ID`.
    var name: String
    var kind: Kind
    /// ns since 1970.
    var startedAt: Int64
}
