// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// One checked rule of `linux.resources.devices`.
package struct DeviceRule: Hashable, Sendable {
    /// Kinds of device nodes.
    package enum Kind: Character, Hashable, Sendable { case character = "c", block = "b" }

    /// What may be done with a device node.
    package struct Access: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        // The numbers are those of BPF_DEVCG_ACC_* in linux/bpf.h.
        package static let mknod = Access(rawValue: 1)
        package static let read = Access(rawValue: 2)
        package static let write = Access(rawValue: 4)
        package static let all: Access = [.mknod, .read, .write]

        /// The letters in the order in which the kernel prints them.
        var text: String {
            (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.mknod) ? "m" : "")
        }
    }

    package var allow: Bool
    package var kind: Kind
    /// nil is any number.
    package var major: UInt32?
    /// nil is any number.
    package var minor: UInt32?
    package var access: Access

    /// Every property by name.
    package init(
        allow: Bool, kind: Kind, major: UInt32? = nil, minor: UInt32? = nil, access: Access = .all
    ) {
        self.allow = allow
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
    }

    /// The rules of a configuration, checked; a rule for all devices becomes one for each kind.
    package static func parse(_ rules: [LinuxDeviceCgroup]) throws(CgroupError) -> [DeviceRule] {
        var parsed: [DeviceRule] = []
        for rule in rules {
            let kinds: [Kind]
            switch rule.type ?? "a" {
            case "a", "": kinds = [.character, .block]
            case "c", "u": kinds = [.character]
            case "b": kinds = [.block]
            case let type: throw CgroupError(.invalid, "device rule: unknown type \"\(type)\"")
            }
            let access = try parseAccess(rule.access)
            for kind in kinds {
                parsed.append(
                    DeviceRule(
                        allow: rule.allow, kind: kind, major: try number(rule.major), minor: try number(rule.minor),
                        access: access))
            }
        }
        return parsed
    }

    private static func parseAccess(_ text: String?) throws(CgroupError) -> Access {
        guard let text, !text.isEmpty else { return .all }
        var access: Access = []
        for letter in text {
            switch letter {
            case "r": access.insert(.read)
            case "w": access.insert(.write)
            case "m": access.insert(.mknod)
            default: throw CgroupError(.invalid, "device rule: unknown access \"\(text)\"")
            }
        }
        return access
    }

    /// Absent and negative mean any.
    private static func number(_ value: Int64?) throws(CgroupError) -> UInt32? {
        guard let value, value >= 0 else { return nil }
        guard let number = UInt32(exactly: value) else {
            throw CgroupError(.invalid, "device rule: number \(value) is out of range")
        }
        return number
    }

    /// What every container may do, as in runc: make any node, and use those that the specification puts into /dev and
    /// pseudo-terminals. A runtime appends these to the rules of a configuration.
    package static let standard: [LinuxDeviceCgroup] =
        [
            LinuxDeviceCgroup(allow: true, type: "c", access: "m"),
            LinuxDeviceCgroup(allow: true, type: "b", access: "m"),
        ]
        + [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, -1)].map { major, minor in
            LinuxDeviceCgroup(allow: true, type: "c", major: major, minor: minor, access: "rwm")
        }

    /// Kind and numbers as the kernel writes them: `c 1:3`.
    var deviceText: String {
        "\(kind.rawValue) \(major.map { "\($0)" } ?? "*"):\(minor.map { "\($0)" } ?? "*")"
    }
}
