// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Limits as properties of a unit, so that systemd knows them and does not set others. What it has no property for, and
/// what is finer than its units, is written to the cgroup's files only. See systemd.resource-control(5).
package enum SystemdProperties {
    /// What plans have to know of the host.
    package struct Host: Hashable, Sendable {
        package var mode: CgroupMode
        /// systemd's version.
        package var version: Int
        /// The text of /proc/devices: drivers by major number.
        package var devices: String

        /// Every property by name.
        package init(mode: CgroupMode, version: Int, devices: String = "") {
            self.mode = mode
            self.version = version
            self.devices = devices
        }
    }

    /// The properties of a new scope around a process.
    package static func ofNewScope(_ scope: SystemdScope, member: Int32, mode: CgroupMode) -> [UnitProperty] {
        var properties = [
            UnitProperty("Description", .string("skiffrun container \(scope.unit.dropLast(".scope".count))")),
            UnitProperty("Slice", .string(scope.slice)),
            UnitProperty("PIDs", .array(of: "u", [.uint32(UInt32(bitPattern: member))])),
            UnitProperty("Delegate", .boolean(true)),
            // The scope must not be stopped before the services at shutdown that may need it.
            UnitProperty("DefaultDependencies", .boolean(false)),
        ]
        let io = mode == .v2 ? "IO" : "BlockIO"
        for controller in ["CPU", "Memory", io, "Tasks"] {
            properties.append(UnitProperty("\(controller)Accounting", .boolean(true)))
        }
        return properties
    }

    /// The properties that express the limits.
    package static func of(_ resources: LinuxResources, _ host: Host) throws(CgroupError) -> [UnitProperty] {
        var properties = memory(resources, host)
        properties += cpu(resources, host)
        properties += try cpuset(resources.cpu, host)
        if let limit = resources.pids?.limit {
            properties.append(UnitProperty("TasksMax", number(limit < 0 ? -1 : max(limit, 1))))
        }
        if let weight = resources.blockIO?.weight, weight != 0 {
            properties.append(
                host.mode == .v2
                    ? UnitProperty("IOWeight", .uint64(UInt64(BlockIOController.unifiedWeight(weight))))
                    : UnitProperty("BlockIOWeight", .uint64(UInt64(weight))))
        }
        if let rules = resources.devices { properties += SystemdDevices.properties(try DeviceRule.parse(rules), host) }
        if host.mode == .v2 { properties += try unified(resources.unified ?? [:], host) }
        return properties
    }

    /// All ones stand for no limit.
    private static func number(_ value: Int64) -> DBusValue { .uint64(value < 0 ? .max : UInt64(value)) }

    private static func memory(_ resources: LinuxResources, _ host: Host) -> [UnitProperty] {
        guard let memory = resources.memory else { return [] }
        var properties: [UnitProperty] = []
        let limit = memory.limit == 0 ? nil : memory.limit
        guard host.mode == .v2 else { return limit.map { [UnitProperty("MemoryLimit", number($0))] } ?? [] }
        if let limit { properties.append(UnitProperty("MemoryMax", number(limit))) }
        if let reservation = memory.reservation, reservation != 0 {
            properties.append(UnitProperty("MemoryLow", number(reservation)))
        }
        // A limit that makes no sense is refused where it is written to the file.
        if let swap = try? MemoryController.unifiedSwap(memory) {
            properties.append(UnitProperty("MemorySwapMax", number(swap)))
        }
        return properties
    }

    private static func cpu(_ resources: LinuxResources, _ host: Host) -> [UnitProperty] {
        guard let cpu = resources.cpu else { return [] }
        var properties: [UnitProperty] = []
        let shares = cpu.shares == 0 ? nil : cpu.shares
        if host.mode != .v2 {
            if let shares { properties.append(UnitProperty("CPUShares", .uint64(shares))) }
        } else if cpu.idle == 1 {
            // Weight 0 is SCHED_IDLE since 252.
            if host.version >= 252 { properties.append(UnitProperty("CPUWeight", .uint64(0))) }
        } else if let shares {
            properties.append(UnitProperty("CPUWeight", .uint64(CPUController.weight(shares: shares))))
        }
        return properties + bandwidth(quota: cpu.quota, period: cpu.period, host)
    }

    /// systemd counts microseconds per second, in steps of 10 ms, and so it is rounded up.
    static func bandwidth(quota: Int64?, period: UInt64?, _ host: Host) -> [UnitProperty] {
        let quota = quota == 0 ? nil : quota
        let period = period == 0 ? nil : period
        guard quota != nil || period != nil else { return [] }
        var properties: [UnitProperty] = []
        if let period, host.version >= 242 { properties.append(UnitProperty("CPUQuotaPeriodUSec", .uint64(period))) }
        var perSecond = UInt64.max
        if let quota, quota > 0 {
            let (product, overflows) = UInt64(quota).multipliedReportingOverflow(by: 1_000_000)
            let exact = overflows ? .max : product / (period ?? 100_000)
            perSecond = exact > .max - 10_000 ? .max : (exact + 9_999) / 10_000 * 10_000
        }
        return properties + [UnitProperty("CPUQuotaPerSecUSec", .uint64(perSecond))]
    }

    /// Since 244.
    private static func cpuset(_ cpu: LinuxCPU?, _ host: Host) throws(CgroupError) -> [UnitProperty] {
        guard host.mode == .v2, host.version >= 244, let cpu else { return [] }
        var properties: [UnitProperty] = []
        if let list = cpu.cpus, !list.isEmpty {
            properties.append(UnitProperty("AllowedCPUs", .bytes(try mask(list))))
        }
        if let list = cpu.mems, !list.isEmpty {
            properties.append(UnitProperty("AllowedMemoryNodes", .bytes(try mask(list))))
        }
        return properties
    }

    /// `0-3,8` as a mask, the lowest numbers in the first byte.
    static func mask(_ list: String) throws(CgroupError) -> [UInt8] {
        var mask: [UInt8] = []
        for range in list.split(separator: ",") {
            let bounds = range.split(separator: "-", maxSplits: 1).map { Int($0.trimmed) }
            guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, first <= last, first >= 0, last < 8192
            else { throw CgroupError(.invalid, "invalid list of CPUs or memory nodes \"\(list)\"") }
            while mask.count <= last / 8 { mask.append(0) }
            for number in first...last { mask[number / 8] |= 1 << (number % 8) }
        }
        return mask
    }
}

// `unified`: the files that have a property; the others are only written.
extension SystemdProperties {
    private static let sizes = [
        "memory.max": "MemoryMax", "memory.high": "MemoryHigh", "memory.low": "MemoryLow", "memory.min": "MemoryMin",
        "memory.swap.max": "MemorySwapMax", "pids.max": "TasksMax",
    ]

    private static func unified(_ files: [String: String], _ host: Host) throws(CgroupError) -> [UnitProperty] {
        var properties: [UnitProperty] = []
        for (file, value) in files.sorted(by: { $0.key < $1.key }) {
            let value = value.trimmed
            if let name = sizes[file] {
                guard let number = value == "max" ? .max : UInt64(value) else { throw invalid(file, value) }
                properties.append(UnitProperty(name, .uint64(number)))
            } else if file == "cpu.weight" {
                guard let weight = UInt64(value) else { throw invalid(file, value) }
                properties.append(UnitProperty("CPUWeight", .uint64(weight)))
            } else if file == "cpu.idle", value == "1", host.version >= 252 {
                properties.append(UnitProperty("CPUWeight", .uint64(0)))
            } else if file == "cpu.max" {
                let fields = value.split(separator: " ")
                let quota = fields.first == "max" ? -1 : fields.first.flatMap { Int64($0) }
                let period = fields.count == 2 ? UInt64(fields[1]) : 100_000
                guard let quota, let period, fields.count <= 2 else { throw invalid(file, value) }
                properties += bandwidth(quota: quota, period: period, host)
            } else if host.version >= 244, file == "cpuset.cpus" || file == "cpuset.mems" {
                let name = file == "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes"
                properties.append(UnitProperty(name, .bytes(try mask(value))))
            }
        }
        return properties
    }

    private static func invalid(_ file: String, _ value: String) -> CgroupError {
        CgroupError(.invalid, "unified resource \"\(file)\" invalid value \"\(value)\"")
    }
}

// `org.systemd.property.*`
extension SystemdProperties {
    private static let prefix = "org.systemd.property."

    /// The properties that annotations ask for, in the order of their names. A name that ends in `Sec` counts seconds,
    /// and is the property `USec` in microseconds, as in unit files.
    package static func of(annotations: [String: String]) throws(CgroupError) -> [UnitProperty] {
        var properties: [UnitProperty] = []
        for (key, text) in annotations.sorted(by: { $0.key < $1.key }) where key.hasPrefix(prefix) {
            let name = String(key.dropFirst(prefix.count))
            let letters = name.utf8
            guard letters.count >= 3, name.first?.isUppercase == true,
                letters.allSatisfy({ (65...90).contains($0) || (97...122).contains($0) })
            else { throw CgroupError(.invalid, "annotation \(key)=\(text) name incorrect: \"\(name)\"") }
            do throws(GVariantText.Malformed) {
                let value = try GVariantText.parse(text)
                properties.append(try inMicroseconds(name, value))
            } catch {
                throw CgroupError(.invalid, "annotation \(key)=\(text) value parse error: \(error)")
            }
        }
        return properties
    }

    private static func inMicroseconds(
        _ name: String, _ value: DBusValue
    ) throws(GVariantText.Malformed) -> UnitProperty {
        guard name.hasSuffix("Sec"), !name.hasSuffix("USec") else { return UnitProperty(name, value) }
        let seconds: Double? =
            switch value {
            case .int16(let number): Double(number)
            case .uint16(let number): Double(number)
            case .int32(let number): Double(number)
            case .uint32(let number): Double(number)
            case .int64(let number): Double(number)
            case .uint64(let number): Double(number)
            case .double(let number): number
            default: nil
            }
        guard let seconds, seconds >= 0, seconds < 1e12 else {
            throw GVariantText.Malformed(description: "not a number of seconds")
        }
        return UnitProperty("\(name.dropLast(3))USec", .uint64(UInt64(seconds * 1_000_000)))
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    fileprivate var trimmed: String {
        let kept = drop { $0.isWhitespace }
        return String(kept.reversed().drop { $0.isWhitespace }.reversed())
    }
}
