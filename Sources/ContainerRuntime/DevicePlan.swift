// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux
internal import OCIRuntimeSpec

/// A device node or fifo to make in the container.
package struct DevicePlan: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case character(DeviceNumber)
        case block(DeviceNumber)
        case fifo
    }

    /// Absolute and clean.
    package var path: String
    package var kind: Kind
    /// Permission bits.
    package var mode: UInt32
    package var uid: UInt32
    package var gid: UInt32

    private init(_ path: String, character major: UInt32, _ minor: UInt32) {
        self.path = path
        kind = .character(DeviceNumber(major: major, minor: minor))
        mode = 0o666
        uid = 0
        gid = 0
    }

    /// Reads one device of the configuration.
    init(_ device: LinuxDevice) throws(PlanError) {
        guard device.path.hasPrefix("/"), !device.path.utf8.contains(0) else {
            throw PlanError("device path \"\(device.path)\" must be absolute")
        }
        path = LexicalPath.absolute(device.path)
        guard path != "/" else { throw PlanError("device path \"\(device.path)\" names no file") }
        kind = try Self.kind(device)
        mode = device.fileMode ?? 0o666
        guard mode & ~0o7777 == 0 || mode & ~0o177777 == 0 else {
            throw PlanError("device \"\(path)\": file mode \(mode) is out of range")
        }
        mode &= 0o7777
        uid = device.uid ?? 0
        gid = device.gid ?? 0
        try ProcessPlan.checkIDs([uid, gid])
    }

    private static func kind(_ device: LinuxDevice) throws(PlanError) -> Kind {
        switch device.type {
        case "c", "u": return .character(try number(device))
        case "b": return .block(try number(device))
        case "p":
            guard device.major ?? 0 == 0, device.minor ?? 0 == 0 else {
                throw PlanError("device \"\(device.path)\": a fifo has no major and minor number")
            }
            return .fifo
        default: throw PlanError("device \"\(device.path)\": unknown device type \"\(device.type)\"")
        }
    }

    private static func number(_ device: LinuxDevice) throws(PlanError) -> DeviceNumber {
        // 12 and 20 bits in the kernel.
        guard let major = device.major, let minor = device.minor, (0..<4096).contains(major),
            (0..<1 << 20).contains(minor)
        else { throw PlanError("device \"\(device.path)\": major and minor number are required") }
        return DeviceNumber(major: UInt32(major), minor: UInt32(minor))
    }

    /// Type bits of mknod(2).
    var typeBits: UInt32 {
        switch kind {
        case .character: 0o020000
        case .block: 0o060000
        case .fifo: 0o010000
        }
    }

    var number: DeviceNumber {
        switch kind {
        case .character(let number), .block(let number): number
        case .fifo: DeviceNumber(major: 0, minor: 0)
        }
    }

    /// What every container has, "Default Devices" of the runtime specification.
    static let defaults: [DevicePlan] = [
        DevicePlan("/dev/null", character: 1, 3), DevicePlan("/dev/zero", character: 1, 5),
        DevicePlan("/dev/full", character: 1, 7), DevicePlan("/dev/random", character: 1, 8),
        DevicePlan("/dev/urandom", character: 1, 9), DevicePlan("/dev/tty", character: 5, 0),
    ]

    /// The defaults and those of the configuration, which win where both name a path.
    static func all(_ devices: [LinuxDevice]) throws(PlanError) -> [DevicePlan] {
        var own: [DevicePlan] = []
        for device in devices {
            let plan = try DevicePlan(device)
            // The multiplexer comes with the container's devpts, the console is the terminal.
            if plan.path != "/dev/ptmx", plan.path != "/dev/console" { own.append(plan) }
        }
        return defaults.filter { builtIn in !own.contains { $0.path == builtIn.path } } + own
    }
}
