// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Cache and memory bandwidth allocation through resctrl.
package struct LinuxIntelRdt: Codable, Hashable, Sendable {
    /// Class of service; named like the container when absent.
    package var closID: String?
    /// Lines for the file `schemata`.
    package var schemata: [String]?
    /// Line of the L3 cache: `L3:0=ff`.
    package var l3CacheSchema: String?
    /// Line of the memory bandwidth: `MB:0=70`.
    package var memBwSchema: String?
    /// Whether a monitoring group of its own is created.
    package var enableMonitoring: Bool?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        closID: String? = nil, schemata: [String]? = nil, l3CacheSchema: String? = nil, memBwSchema: String? = nil,
        enableMonitoring: Bool? = nil
    ) {
        self.closID = closID
        self.schemata = schemata
        self.l3CacheSchema = l3CacheSchema
        self.memBwSchema = memBwSchema
        self.enableMonitoring = enableMonitoring
    }
}

/// NUMA memory policy, see set_mempolicy(2).
package struct LinuxMemoryPolicy: Codable, Hashable, Sendable {
    /// Name of the mode: `MPOL_BIND`.
    package var mode: String?
    /// List of nodes: `0-1`.
    package var nodes: String?
    /// Names of flags: `MPOL_F_STATIC_NODES`.
    package var flags: [String]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(mode: String? = nil, nodes: String? = nil, flags: [String]? = nil) {
        self.mode = mode
        self.nodes = nodes
        self.flags = flags
    }
}

/// Execution domain, see personality(2).
package struct LinuxPersonality: Codable, Hashable, Sendable {
    /// `LINUX` or `LINUX32`.
    package var domain: String?
    /// Flags; the specification defines none.
    package var flags: [String]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(domain: String? = nil, flags: [String]? = nil) {
        self.domain = domain
        self.flags = flags
    }
}
