// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// How often the kernel has killed in a cgroup because its memory ran out: the line `oom_kill N` of `memory.events`
/// (cgroup v2) or `memory.oom_control` (v1, since Linux 4.13).
struct OOMCounter {
    private let path: String
    private let atStart: UInt64

    /// Takes the count as it is now.
    init(path: String) {
        self.path = path
        atStart = Self.read(path) ?? 0
    }

    /// Whether the kernel has killed there since.
    var hasIncreased: Bool { (Self.read(path) ?? 0) > atStart }

    private static func read(_ path: String) -> UInt64? {
        // A cgroup that is gone, or has no such file, tells nothing.
        guard let text = try? Syscall.readText(path) else { return nil }
        return count(in: text)
    }

    static func count(in text: String) -> UInt64? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "oom_kill" { return UInt64(words[1]) }
        }
        return nil
    }
}
