// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec
internal import Yams

/// A class of block I/O: shares and rates of block devices that annotations ask for by its name. The administrator's file
/// describes them as that of CRI-O and containerd does:
///
///     Classes:
///       slow:
///         - Weight: 80                    of all devices that are not named
///         - Devices: [/dev/sd[a-z], /dev/disk/by-id/*]
///           Weight: 50
///           ThrottleReadBps: 50M          bytes per second
///           ThrottleWriteBps: 10Mi
///           ThrottleReadIOPS: 10k         operations per second
///           ThrottleWriteIOPS: 5k
///
/// Of several parts that name a device, a later one goes before an earlier.
struct BlockIOClass: Hashable {
    struct Part: Hashable {
        /// Paths whose last names may have `*`, `?` and `[a-z]`; empty for all devices.
        var devices: [String] = []
        var weight: UInt16?
        /// By the names of the file.
        var rates: [String: UInt64] = [:]
    }

    var parts: [Part]

    private static let rateNames: Set<String> = [
        "ThrottleReadBps", "ThrottleWriteBps", "ThrottleReadIOPS", "ThrottleWriteIOPS",
    ]

    /// That of the name in the file, which is read anew for each container that asks. Blocks the calling thread.
    static func read(_ name: String, from file: String) throws -> BlockIOClass {
        guard !file.isEmpty else {
            throw ServiceError(.state, "use class of block I/O", name, "runtime.blockio_config_file names no file")
        }
        let text = try SystemError.attempt("read", file) { () throws(Errno) in try Syscall.readText(file) }
        guard let found = try classes(text, of: file)[name] else {
            throw ServiceError(.state, "use class of block I/O", name, "it is not in \"\(file)\"")
        }
        return found
    }

    private static func classes(_ text: String, of file: String) throws(ServiceError) -> [String: BlockIOClass] {
        do {
            return try parse(text)
        } catch {
            let cause =
                (error as? ServiceError)?.cause
                ?? "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
            throw ServiceError(.state, "read classes of block I/O", file, cause)
        }
    }

    private static func invalid(_ cause: String) -> ServiceError {
        ServiceError(.state, "read classes of block I/O", nil, cause)
    }

    /// All classes of a file. What it has that is not described above is an error: a limit would not hold.
    static func parse(_ text: String) throws -> [String: BlockIOClass] {
        guard let root = try Yams.compose(yaml: text)?.mapping, let node = root["Classes"], root.count == 1,
            let classes = node.mapping
        else { throw invalid("it has no Classes, or something beside them") }
        var found: [String: BlockIOClass] = [:]
        for (name, parts) in classes {
            guard let name = name.scalar?.string, let parts = parts.sequence else {
                throw invalid("a class is a name and a list")
            }
            found[name] = BlockIOClass(parts: try parts.map { node in try part(node, of: name) })
        }
        return found
    }

    private static func part(_ node: Node, of name: String) throws -> Part {
        guard let fields = node.mapping else { throw invalid("class \"\(name)\": a part is not of keys and values") }
        var part = Part()
        for (key, value) in fields {
            let (key, text) = (key.scalar?.string ?? "", value.scalar?.string)
            switch key {
            case "Devices":
                let paths = value.sequence?.map { $0.scalar?.string ?? "" } ?? []
                guard !paths.isEmpty, paths.allSatisfy({ $0.hasPrefix("/") }) else {
                    throw invalid("class \"\(name)\": Devices is no list of absolute paths")
                }
                part.devices = paths
            case "Weight":
                guard let weight = text.flatMap({ UInt16($0) }), (10...1000).contains(weight) else {
                    throw invalid("class \"\(name)\": Weight is \"\(text ?? "")\", not 10 to 1000")
                }
                part.weight = weight
            case _ where rateNames.contains(key):
                guard let rate = text.flatMap(Self.quantity), rate > 0 else {
                    throw invalid("class \"\(name)\": \(key) is \"\(text ?? "")\", not a number like 5000, 10k or 50Mi")
                }
                part.rates[key] = rate
            default: throw invalid("class \"\(name)\": \"\(key)\" is not known")
            }
        }
        guard !part.devices.isEmpty || part.rates.isEmpty else {
            throw invalid("class \"\(name)\": rates are of Devices, and none are named")
        }
        return part
    }

    /// A whole number, with a suffix as Kubernetes has it.
    static func quantity(_ text: String) -> UInt64? {
        let digits = text.prefix { $0.isNumber }
        let powers: [String: (base: UInt64, power: Int)] = [
            "": (1, 0), "k": (1000, 1), "M": (1000, 2), "G": (1000, 3), "T": (1000, 4),
            "Ki": (1024, 1), "Mi": (1024, 2), "Gi": (1024, 3), "Ti": (1024, 4),
        ]
        guard let number = UInt64(digits), let (base, power) = powers[String(text.dropFirst(digits.count))] else {
            return nil
        }
        let factor = (0..<power).reduce(UInt64(1)) { factor, _ in factor * base }
        let (product, isTooBig) = number.multipliedReportingOverflow(by: factor)
        return isTooBig ? nil : product
    }

    // MARK: In terms of the OCI

    /// With the devices that the machine has now. Blocks the calling thread.
    func resolved() throws -> LinuxBlockIO {
        try resolved { path in try DisksByPath.find(path) }
    }

    /// With those that are found by the paths.
    func resolved(_ find: (String) throws -> [DeviceNumber]) rethrows -> LinuxBlockIO {
        var io = LinuxBlockIO()
        var weights: [DeviceNumber: UInt16] = [:]
        var rates: [String: [DeviceNumber: UInt64]] = [:]
        for part in parts {
            if part.devices.isEmpty { io.weight = part.weight ?? io.weight }
            for device in try part.devices.flatMap(find) {
                if let weight = part.weight { weights[device] = weight }
                for (name, rate) in part.rates { rates[name, default: [:]][device] = rate }
            }
        }
        func throttles(_ name: String) -> [LinuxThrottleDevice]? {
            rates[name].map { rates in
                Self.sorted(rates).map { device, rate in
                    LinuxThrottleDevice(major: Int64(device.major), minor: Int64(device.minor), rate: rate)
                }
            }
        }
        if !weights.isEmpty {
            io.weightDevice = Self.sorted(weights).map { device, weight in
                LinuxWeightDevice(major: Int64(device.major), minor: Int64(device.minor), weight: weight)
            }
        }
        io.throttleReadBpsDevice = throttles("ThrottleReadBps")
        io.throttleWriteBpsDevice = throttles("ThrottleWriteBps")
        io.throttleReadIOPSDevice = throttles("ThrottleReadIOPS")
        io.throttleWriteIOPSDevice = throttles("ThrottleWriteIOPS")
        return io
    }

    private static func sorted<Value>(_ values: [DeviceNumber: Value]) -> [(DeviceNumber, Value)] {
        values.sorted { ($0.key.major, $0.key.minor) < ($1.key.major, $1.key.minor) }
    }
}
