// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What a cgroup and those below it use. A number that the host does not count is nil.
package struct CgroupStats: Hashable, Sendable {
    /// Bytes.
    package struct Memory: Hashable, Sendable {
        /// All memory that is charged, the page cache included.
        package var usage: UInt64 = 0
        /// nil is unlimited.
        package var limit: UInt64?
        /// Page cache that can be dropped at once.
        package var inactiveFile: UInt64 = 0
        /// Anonymous memory.
        package var rss: UInt64 = 0
        package var pageFaults: UInt64 = 0
        package var majorPageFaults: UInt64 = 0
        /// Swap alone.
        package var swapUsage: UInt64?
        /// nil is unlimited, or not counted.
        package var swapLimit: UInt64?
        /// Processes killed for want of memory.
        package var oomKills: UInt64 = 0

        /// What cannot be reclaimed easily; Kubernetes evicts by it.
        package var workingSet: UInt64 { usage > inactiveFile ? usage - inactiveFile : 0 }
    }

    /// Time since the cgroup was made.
    package struct CPU: Hashable, Sendable {
        package var usageNanoseconds: UInt64 = 0
        package var throttledPeriods: UInt64 = 0
        package var throttledNanoseconds: UInt64 = 0
    }

    /// Tasks, threads included.
    package struct Pids: Hashable, Sendable {
        package var current: UInt64 = 0
        /// nil is unlimited.
        package var limit: UInt64?
    }

    package var memory: Memory?
    package var cpu: CPU?
    package var pids: Pids?

    /// All counters absent.
    package init() {}
}

/// A file of lines `key number`.
struct CgroupCounters {
    private var numbers: [Substring: UInt64] = [:]

    init(_ text: String?) {
        for line in (text ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, let number = UInt64(fields[1]) { numbers[fields[0]] = number }
        }
    }

    subscript(_ key: String) -> UInt64 { numbers[key[...]] ?? 0 }
}

extension CgroupView {
    func counters(_ file: String) -> CgroupCounters { CgroupCounters(read(file)) }

    /// Counters of `pids`, the same in both versions.
    var pids: CgroupStats.Pids? {
        guard let current = number("pids.current") else { return nil }
        return CgroupStats.Pids(current: current, limit: number("pids.max"))
    }
}
