// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Block device limits.
package struct LinuxBlockIO: Codable, Hashable, Sendable {
    /// Relative share, 10 to 1000.
    package var weight: UInt16?
    /// Share against child cgroups; cgroup v1 with CFQ only.
    package var leafWeight: UInt16?
    /// Shares by device.
    package var weightDevice: [LinuxWeightDevice]?
    /// Bytes read per second.
    package var throttleReadBpsDevice: [LinuxThrottleDevice]?
    /// Bytes written per second.
    package var throttleWriteBpsDevice: [LinuxThrottleDevice]?
    /// Reads per second.
    package var throttleReadIOPSDevice: [LinuxThrottleDevice]?
    /// Writes per second.
    package var throttleWriteIOPSDevice: [LinuxThrottleDevice]?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(
        weight: UInt16? = nil, leafWeight: UInt16? = nil, weightDevice: [LinuxWeightDevice]? = nil,
        throttleReadBpsDevice: [LinuxThrottleDevice]? = nil, throttleWriteBpsDevice: [LinuxThrottleDevice]? = nil,
        throttleReadIOPSDevice: [LinuxThrottleDevice]? = nil, throttleWriteIOPSDevice: [LinuxThrottleDevice]? = nil
    ) {
        self.weight = weight
        self.leafWeight = leafWeight
        self.weightDevice = weightDevice
        self.throttleReadBpsDevice = throttleReadBpsDevice
        self.throttleWriteBpsDevice = throttleWriteBpsDevice
        self.throttleReadIOPSDevice = throttleReadIOPSDevice
        self.throttleWriteIOPSDevice = throttleWriteIOPSDevice
    }
}

/// Share of one block device.
package struct LinuxWeightDevice: Codable, Hashable, Sendable {
    /// Major number.
    package var major: Int64
    /// Minor number.
    package var minor: Int64
    /// Relative share, 10 to 1000.
    package var weight: UInt16?
    /// Share against child cgroups; cgroup v1 with CFQ only.
    package var leafWeight: UInt16?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(major: Int64, minor: Int64, weight: UInt16? = nil, leafWeight: UInt16? = nil) {
        self.major = major
        self.minor = minor
        self.weight = weight
        self.leafWeight = leafWeight
    }
}

/// Rate limit of one block device.
package struct LinuxThrottleDevice: Codable, Hashable, Sendable {
    /// Major number.
    package var major: Int64
    /// Minor number.
    package var minor: Int64
    /// Bytes or operations per second; 0 removes the limit.
    package var rate: UInt64?

    /// Every property by name; what is not given stays absent from the JSON text.
    package init(major: Int64, minor: Int64, rate: UInt64? = nil) {
        self.major = major
        self.minor = minor
        self.rate = rate
    }
}
