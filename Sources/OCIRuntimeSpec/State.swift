// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// State of a container: what `state` prints and what hooks read on standard input. The last three are additions of
/// runc that its users rely on.
package struct State: Codable, Hashable, Sendable {
    /// Version of the runtime-spec the state complies with.
    package var ociVersion: String
    /// The container's ID.
    package var id: String
    /// Where the container is in its life.
    package var status: Status
    /// The container's process as the host sees it.
    package var pid: Int32?
    /// Absolute path of the bundle.
    package var bundle: String
    /// Annotations of the configuration.
    package var annotations: [String: String]?
    /// Absolute path of the root filesystem.
    package var rootfs: String?
    /// Time of creation, RFC 3339 in UTC with nanoseconds.
    package var created: String?
    /// Name of the user who created the container.
    package var owner: String?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        ociVersion: String = Spec.version, id: String, status: Status, pid: Int32? = nil, bundle: String,
        annotations: [String: String]? = nil, rootfs: String? = nil, created: String? = nil, owner: String? = nil
    ) {
        self.ociVersion = ociVersion
        self.id = id
        self.status = status
        self.pid = pid
        self.bundle = bundle
        self.annotations = annotations
        self.rootfs = rootfs
        self.created = created
        self.owner = owner
    }
}

extension State {
    /// Where a container is in its life; `paused` is an addition of the runtimes.
    package enum Status: String, Codable, Hashable, Sendable, CaseIterable {
        case creating
        case created
        case running
        case paused
        case stopped
    }
}

/// What the receiver of a seccomp notification descriptor reads beside the descriptor.
package struct ContainerProcessState: Codable, Hashable, Sendable {
    /// Version of the runtime-spec the message complies with.
    package var ociVersion: String
    /// Names of the passed descriptors; `seccompFd` is the only one defined.
    package var fds: [String]
    /// The process under the filter, as the runtime sees it.
    package var pid: Int32
    /// `listenerMetadata` of the configuration.
    package var metadata: String?
    /// State of the container.
    package var state: State

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(ociVersion: String = Spec.version, fds: [String], pid: Int32, metadata: String? = nil, state: State) {
        self.ociVersion = ociVersion
        self.fds = fds
        self.pid = pid
        self.metadata = metadata
        self.state = state
    }
}
