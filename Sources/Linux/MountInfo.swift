// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// One line of /proc/PID/mountinfo. See proc_pid_mountinfo(5).
package struct MountInfo: Hashable, Sendable {
    package var id: Int
    package var parent: Int
    package var device: DeviceNumber
    /// The directory of the file system that is the mount's root.
    package var root: String
    package var mountPoint: String
    package var options: [String]
    /// `shared:N`, `master:N`, `propagate_from:N`, `unbindable`.
    package var propagation: [String]
    package var type: String
    package var source: String
    package var superOptions: [String]

    /// The mounts of a process in the order in which they were made.
    package static func read(process: String = "self") throws(Errno) -> [MountInfo] {
        parse(try Syscall.readText("/proc/\(process)/mountinfo"))
    }

    /// Works on bytes: the table of a node has thousands of lines.
    package static func parse(_ text: String) -> [MountInfo] {
        Array(text.utf8).split(separator: UInt8(ascii: "\n")).compactMap(MountInfo.init)
    }

    private init?(_ line: ArraySlice<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map(Self.unescape)
        guard fields.count >= 10, let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.count >= dash + 4,
            let id = Int(fields[0]), let parent = Int(fields[1])
        else { return nil }
        let numbers = Self.split(fields[2], ":").compactMap { UInt32($0) }
        guard numbers.count == 2 else { return nil }
        self.id = id
        self.parent = parent
        device = DeviceNumber(major: numbers[0], minor: numbers[1])
        root = fields[3]
        mountPoint = fields[4]
        options = Self.split(fields[5], ",")
        propagation = Array(fields[6..<dash])
        type = fields[dash + 1]
        source = fields[dash + 2]
        superOptions = Self.split(fields[dash + 3], ",")
    }

    /// Space, tab, newline and backslash stand as three octal digits after a backslash.
    static func unescape(_ field: ArraySlice<UInt8>) -> String {
        guard field.contains(UInt8(ascii: "\\")) else { return String(decoding: field, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (48...55).contains($0) }) {
                bytes.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1) - 48 }))
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func split(_ text: String, _ separator: Unicode.Scalar) -> [String] {
        text.utf8.split(separator: UInt8(ascii: separator)).map { String(Substring($0)) }
    }
}
