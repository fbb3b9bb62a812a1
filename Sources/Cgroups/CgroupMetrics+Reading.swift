// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Counters that have one form in both versions, or differ by a name only.
extension CgroupView {
    /// `memory.stat` and its like as a dictionary.
    func table(_ file: String) -> [String: UInt64] {
        var table: [String: UInt64] = [:]
        for line in (read(file) ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, let number = UInt64(fields[1]) { table[String(fields[0])] = number }
        }
        return table
    }

    /// A line of numbers, such as `cpuacct.usage_percpu`.
    func numbers(_ file: String) -> [UInt64]? { read(file)?.split(separator: " ").compactMap { UInt64($0) } }

    /// `0-3,7` as single numbers.
    func list(_ file: String) -> [UInt16]? {
        read(file)?.split(separator: ",").flatMap { range -> [UInt16] in
            let ends = range.split(separator: "-").compactMap { UInt16($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return [] }
            return Array(first...last)
        }
    }

    /// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same of `full`.
    func pressure(_ file: String) -> CgroupMetrics.Pressure? {
        guard let text = read(file) else { return nil }
        var pressure = CgroupMetrics.Pressure()
        for line in text.split(separator: "\n") {
            var numbers: [Substring: Substring] = [:]
            for field in line.split(separator: " ").dropFirst() {
                let parts = field.split(separator: "=")
                if parts.count == 2 { numbers[parts[0]] = parts[1] }
            }
            func average(_ name: Substring) -> Double { numbers[name].flatMap { Double($0) } ?? 0 }
            let parsed = CgroupMetrics.Pressure.Line(
                avg10: average("avg10"), avg60: average("avg60"), avg300: average("avg300"),
                total: numbers["total"].flatMap { UInt64($0) } ?? 0)
            if line.hasPrefix("some") { pressure.some = parsed } else { pressure.full = parsed }
        }
        return pressure
    }

    var pidsMetrics: CgroupMetrics.Pids {
        CgroupMetrics.Pids(current: number("pids.current") ?? 0, limit: number("pids.max"))
    }

    /// Sizes of huge pages that the host has, as files of cgroups name them: `2MB`.
    static var hugePageSizes: [String] {
        // A kernel without huge pages has no such directory.
        ((try? Syscall.entries("/sys/kernel/mm/hugepages")) ?? []).compactMap { name in
            guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"),
                let size = UInt64(name.dropFirst(10).dropLast(2))
            else { return nil }
            if size % (1 << 20) == 0 { return "\(size >> 20)GB" }
            return size % (1 << 10) == 0 ? "\(size >> 10)MB" : "\(size)KB"
        }
    }

    var legacyHugetlb: [String: CgroupMetrics.Hugetlb] {
        hugetlb { size in
            guard let usage = number("hugetlb.\(size).usage_in_bytes") else { return nil }
            return CgroupMetrics.Hugetlb(
                usage: usage, max: number("hugetlb.\(size).max_usage_in_bytes"),
                failcnt: number("hugetlb.\(size).failcnt") ?? 0)
        }
    }

    var unifiedHugetlb: [String: CgroupMetrics.Hugetlb] {
        hugetlb { size in
            guard let usage = number("hugetlb.\(size).current") else { return nil }
            return CgroupMetrics.Hugetlb(usage: usage, failcnt: counters("hugetlb.\(size).events")["max"])
        }
    }

    private func hugetlb(_ read: (String) -> CgroupMetrics.Hugetlb?) -> [String: CgroupMetrics.Hugetlb] {
        var all: [String: CgroupMetrics.Hugetlb] = [:]
        for size in Self.hugePageSizes { all[size] = read(size) }
        return all
    }
}
