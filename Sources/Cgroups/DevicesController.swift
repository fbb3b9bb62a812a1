// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// Device access in v1: a default for all devices and exceptions from it. Without a word on a device, access is denied.
///
/// An update never takes away and gives back: what stays allowed stays allowed at every moment.
/// See Documentation/admin-guide/cgroup-v1/devices.rst of the kernel.
package enum DevicesController: CgroupController {
    package static let name = "devices"

    package static func legacyPlan(
        _ resources: LinuxResources, _ view: CgroupView
    ) throws(CgroupError) -> [CgroupWrite] {
        guard let rules = resources.devices else { return [] }
        let target = try DeviceAccess(DeviceRule.parse(rules))
        // A new cgroup inherits from its parent, which mostly allows all.
        return plan(from: DeviceAccess(list: view.read("devices.list") ?? allDevices), to: target)
    }

    private static let allDevices = "a *:* rwm"

    private static func plan(from current: DeviceAccess, to target: DeviceAccess) -> [CgroupWrite] {
        // The list of a cgroup that allows by default does not show its exceptions, so there is nothing to compare.
        if target.allowsByDefault {
            let denials = target.exceptions.lines.map { write("devices.deny", $0) }
            if current.allowsByDefault && denials.isEmpty { return [] }
            return [write("devices.allow", "a")] + denials
        }
        if current.allowsByDefault {
            return [write("devices.deny", "a")] + target.exceptions.lines.map { write("devices.allow", $0) }
        }
        let added = target.exceptions.subtracting(current.exceptions)
        let removed = current.exceptions.subtracting(target.exceptions)
        return added.lines.map { write("devices.allow", $0) } + removed.lines.map { write("devices.deny", $0) }
    }
}

/// Rules in the form in which v1 keeps them.
struct DeviceAccess: Hashable {
    /// A device or group of devices.
    struct Device: Hashable {
        var kind: DeviceRule.Kind
        var major: UInt32?
        var minor: UInt32?

        func covers(_ other: Device) -> Bool {
            kind == other.kind && (major == nil || major == other.major) && (minor == nil || minor == other.minor)
        }

        func overlaps(_ other: Device) -> Bool {
            kind == other.kind && (major == nil || other.major == nil || major == other.major)
                && (minor == nil || other.minor == nil || minor == other.minor)
        }
    }

    /// What differs from the default.
    struct Exceptions: Hashable {
        var access: [Device: DeviceRule.Access] = [:]

        /// What is here and not there.
        func subtracting(_ other: Exceptions) -> Exceptions {
            var difference = Exceptions()
            for (device, access) in access {
                let rest = access.subtracting(other.access[device] ?? [])
                if !rest.isEmpty { difference.access[device] = rest }
            }
            return difference
        }

        /// The lines for `devices.allow` and `devices.deny`, sorted.
        var lines: [String] {
            access.map { device, access in
                let rule = DeviceRule(allow: true, kind: device.kind, major: device.major, minor: device.minor)
                return "\(rule.deviceText) \(access.text)"
            }.sorted()
        }
    }

    var allowsByDefault = false
    var exceptions = Exceptions()

    /// The meaning of the rules, of which the last that matches wins. Throws what v1 cannot express.
    init(_ rules: [DeviceRule]) throws(CgroupError) {
        var rules = rules[...]
        // The default is what the last pair of rules for everything says; those before it count no more.
        for (first, second) in zip(rules.indices, rules.indices.dropFirst()).reversed()
        where Self.isEverything(rules[first], rules[second]) {
            allowsByDefault = rules[first].allow
            rules = rules[(second + 1)...]
            break
        }
        for rule in rules { try add(rule) }
    }

    private static func isEverything(_ first: DeviceRule, _ second: DeviceRule) -> Bool {
        first.allow == second.allow && first.kind != second.kind
            && [first, second].allSatisfy { $0.major == nil && $0.minor == nil && $0.access == .all }
    }

    private mutating func add(_ rule: DeviceRule) throws(CgroupError) {
        let device = Device(kind: rule.kind, major: rule.major, minor: rule.minor)
        guard rule.allow == allowsByDefault else {
            exceptions.access[device, default: []].formUnion(rule.access)
            return
        }
        for (other, access) in exceptions.access where device.overlaps(other) && !access.isDisjoint(with: rule.access) {
            // An exception from an exception has no place in the kernel's list.
            guard device.covers(other) else {
                throw CgroupError(
                    .invalid, "device rule \"\(rule.deviceText) \(rule.access.text)\": cgroup v1 cannot except it")
            }
            let rest = access.subtracting(rule.access)
            exceptions.access[other] = rest.isEmpty ? nil : rest
        }
    }

    /// Reads `devices.list`: `a *:* rwm`, or one line for each exception from a denial: `c 1:3 rwm`.
    init(list: String) {
        for line in list.split(separator: "\n") {
            let fields = line.split { $0 == " " || $0 == ":" }
            guard fields.count == 4 else { continue }
            guard let kind = fields[0].first.flatMap(DeviceRule.Kind.init) else {
                allowsByDefault = true
                continue
            }
            let device = Device(kind: kind, major: UInt32(fields[1]), minor: UInt32(fields[2]))
            for letter in fields[3] {
                let access: DeviceRule.Access = letter == "r" ? .read : letter == "w" ? .write : .mknod
                exceptions.access[device, default: []].insert(access)
            }
        }
    }
}
