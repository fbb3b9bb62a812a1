// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Cgroups
package import OCIRuntimeSpec

/// What a container's state directory remembers, the file `status`. The kernel is asked for the rest.
package struct ContainerRecord: Codable, Hashable, Sendable {
    package var id: String
    /// 0 until the process exists.
    package var pid: Int32 = 0
    /// Tells the process from a later one of the same number, in clock ticks since boot.
    package var processStartTime: UInt64 = 0
    /// The runtime that is creating the container; nil once it is created.
    package var creator: ProcessIdentity?
    package var bundle: String
    package var rootfs: String
    package var ociVersion: String
    package var annotations: [String: String]
    /// RFC 3339.
    package var created: String
    package var owner: String
    package var cgroup: CgroupLocation
    /// `CgroupDriver.identity` of the cgroup that was made for the container; nil until it was.
    package var cgroupIdentity: UInt64?
    /// Where the container is in resctrl; nil without `linux.intelRdt`.
    package var resctrl: ResctrlGroup?
    /// Name of the session keyrings of its processes; nil leaves them the caller's.
    package var keyring: String?
    /// Whether the processes of the container end with its first one.
    package var hasPIDNamespace: Bool
    package var poststart: [Hook]?
    package var poststop: [Hook]?

    /// A process that cannot be confused with another.
    package struct ProcessIdentity: Codable, Hashable, Sendable {
        package var pid: Int32
        package var startTime: UInt64
    }

    enum CodingKeys: String, CodingKey {
        case id, pid, creator, bundle, rootfs, ociVersion, annotations, created, owner, cgroup, poststart, poststop
        case keyring, resctrl
        case cgroupIdentity = "cgroup-identity"
        case processStartTime = "process-start-time"
        case hasPIDNamespace = "pid-namespace"
    }
}
