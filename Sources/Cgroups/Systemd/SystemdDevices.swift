// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Device rules as systemd takes them: a list of what is allowed, by node or by driver. It knows no exceptions; those
/// are in the rules that the cgroup itself gets.
enum SystemdDevices {
    static func properties(_ rules: [DeviceRule], _ host: SystemdProperties.Host) -> [UnitProperty] {
        // What v1 cannot express is refused where the rules are written.
        guard let access = try? DeviceAccess(rules) else { return [] }
        // With exceptions from everything systemd stays out of the way.
        let policy = access.allowsByDefault ? "auto" : "strict"
        // The list is emptied first: a unit that is changed would keep what it had.
        var properties = [
            UnitProperty("DevicePolicy", .string(policy)), UnitProperty("DeviceAllow", .array(of: "(ss)", [])),
        ]
        guard !access.allowsByDefault else { return properties }
        let drivers = Drivers(host.devices)
        let entries = access.exceptions.access.sorted { key($0.key) < key($1.key) }.flatMap { device, access in
            drivers.names(of: device).map { DBusValue.structure([.string($0), .string(access.text)]) }
        }
        if !entries.isEmpty { properties.append(UnitProperty("DeviceAllow", .array(of: "(ss)", entries))) }
        return properties
    }

    private static func key(_ device: DeviceAccess.Device) -> String {
        DeviceRule(allow: true, kind: device.kind, major: device.major, minor: device.minor).deviceText
    }

    /// /proc/devices: the names of drivers by kind and major number.
    struct Drivers {
        private var names: [DeviceRule.Kind: [UInt32: String]] = [:]

        init(_ text: String) {
            var kind: DeviceRule.Kind?
            for line in text.split(separator: "\n") {
                if line == "Character devices:" { kind = .character }
                if line == "Block devices:" { kind = .block }
                let fields = line.split(separator: " ")
                if let kind, fields.count == 2, let major = UInt32(fields[0]) {
                    names[kind, default: [:]][major] = String(fields[1])
                }
            }
        }

        /// What systemd calls the devices: a node by its numbers, all nodes of a driver by the driver's name. A minor
        /// number of every driver has no name there.
        func names(of device: DeviceAccess.Device) -> [String] {
            let type = device.kind == .character ? "char" : "block"
            switch (device.major, device.minor) {
            case (nil, nil): return ["\(type)-*"]
            case (let major?, let minor?): return ["/dev/\(type)/\(major):\(minor)"]
            // A driver that is not there has no devices.
            case (let major?, nil): return names[device.kind]?[major].map { ["\(type)-\($0)"] } ?? []
            case (nil, _): return []
            }
        }
    }
}
