// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// The ids that the administrator has left to containers: those of the user `containers` in /etc/subuid and /etc/subgid,
/// see subuid(5).
struct SubordinateIDs: Sendable {
    private static let owner = "containers"

    var users: [Range<UInt64>]
    var groups: [Range<UInt64>]

    init(users: String, groups: String) {
        self.users = Self.parse(users)
        self.groups = Self.parse(groups)
    }

    /// What the machine's files say now. Blocks the calling thread.
    static func read() throws(SystemError) -> SubordinateIDs {
        func text(_ path: String) throws(SystemError) -> String {
            try SystemError.attempt("read", path) { () throws(Errno) in
                do throws(Errno) {
                    return try Syscall.readText(path)
                } catch .ENOENT {
                    return ""
                } catch {
                    throw error
                }
            }
        }
        return SubordinateIDs(users: try text("/etc/subuid"), groups: try text("/etc/subgid"))
    }

    /// `owner:first:count` in each line. Those of others, and what is no such line, give containers nothing.
    private static func parse(_ text: String) -> [Range<UInt64>] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: ":", omittingEmptySubsequences: false)
            guard words.count == 3, words[0] == owner, let first = UInt32(words[1]), let count = UInt32(words[2]) else {
                return nil
            }
            return UInt64(first)..<UInt64(first) + UInt64(count)
        }
    }

    /// As many of both as nobody among these has.
    func unused(_ count: UInt32, besides taken: [UserMapping]) throws(ServiceError) -> UserMapping {
        UserMapping(
            users: try Self.unused(count, in: users, besides: taken.map(\.users), "/etc/subuid"),
            groups: try Self.unused(count, in: groups, besides: taken.map(\.groups), "/etc/subgid"))
    }

    private static func unused(
        _ count: UInt32, in ranges: [Range<UInt64>], besides taken: [LinuxIDMapping], _ file: String
    ) throws(ServiceError) -> LinuxIDMapping {
        let taken = taken.map { UInt64($0.hostID)..<UInt64($0.hostID) + UInt64($0.size) }
            .sorted { $0.lowerBound < $1.lowerBound }
        for range in ranges {
            var first = range.lowerBound
            for other in taken where other.upperBound > first && other.lowerBound < first + UInt64(count) {
                first = other.upperBound
            }
            if first + UInt64(count) <= min(range.upperBound, UInt64(UInt32.max)) {
                return LinuxIDMapping(containerID: 0, hostID: UInt32(first), size: count)
            }
        }
        throw ServiceError(
            .unavailable, "choose users of a pod", nil,
            "the lines of \"\(owner)\" in \(file) have no \(count) ids in a row that are free")
    }
}
