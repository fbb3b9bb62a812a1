// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The container's configuration, `config.json` of a bundle, as runtime-spec 1.3 defines it for Linux. Types follow
/// the schema: what it does not require is optional, so a decoded and re-encoded configuration is unchanged.
/// Sections of other systems (`windows`, `vm`, ...) are dropped. Nothing is validated here.
package struct Spec: Codable, Hashable, Sendable {
    /// Version of the runtime-spec the bundle complies with.
    package var ociVersion: String
    /// The process to run; may be absent until `start`.
    package var process: Process?
    /// The root filesystem.
    package var root: Root?
    /// Host name, set in the container's UTS namespace.
    package var hostname: String?
    /// NIS domain name, set in the container's UTS namespace.
    package var domainname: String?
    /// Mounts beyond the root filesystem, in the order in which they are made.
    package var mounts: [Mount]?
    /// Programs to run at points of the container's life.
    package var hooks: Hooks?
    /// Arbitrary metadata.
    package var annotations: [String: String]?
    /// All that exists on Linux only.
    package var linux: LinuxConfig?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        ociVersion: String = Spec.version, process: Process? = nil, root: Root? = nil, hostname: String? = nil,
        domainname: String? = nil, mounts: [Mount]? = nil, hooks: Hooks? = nil, annotations: [String: String]? = nil,
        linux: LinuxConfig? = nil
    ) {
        self.ociVersion = ociVersion
        self.process = process
        self.root = root
        self.hostname = hostname
        self.domainname = domainname
        self.mounts = mounts
        self.hooks = hooks
        self.annotations = annotations
        self.linux = linux
    }
}

extension Spec {
    /// The newest version of the runtime-spec this module knows.
    package static let version = "1.3.0"
}

/// The container's root filesystem.
package struct Root: Codable, Hashable, Sendable {
    /// Path of the root filesystem, absolute or relative to the bundle.
    package var path: String
    /// Whether the root filesystem is read-only inside the container.
    package var readonly: Bool?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(path: String, readonly: Bool? = nil) {
        self.path = path
        self.readonly = readonly
    }
}

/// One mount below the container's root filesystem.
package struct Mount: Codable, Hashable, Sendable {
    /// Where to mount, inside the container; a relative path counts from its root.
    package var destination: String
    /// Filesystem type as mount(8) knows it; ignored for bind mounts.
    package var type: String?
    /// Device or path; relative paths count from the bundle.
    package var source: String?
    /// Options of mount(8), the propagation and recursive ones included.
    package var options: [String]?
    /// User IDs of an ID-mapped mount.
    package var uidMappings: [LinuxIDMapping]?
    /// Group IDs of an ID-mapped mount.
    package var gidMappings: [LinuxIDMapping]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        destination: String, type: String? = nil, source: String? = nil, options: [String]? = nil,
        uidMappings: [LinuxIDMapping]? = nil, gidMappings: [LinuxIDMapping]? = nil
    ) {
        self.destination = destination
        self.type = type
        self.source = source
        self.options = options
        self.uidMappings = uidMappings
        self.gidMappings = gidMappings
    }
}
