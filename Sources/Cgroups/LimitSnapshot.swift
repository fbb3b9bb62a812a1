// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// What the files of a plan held before it was carried out, in the form in which they are written.
struct LimitSnapshot: Hashable {
    /// Brings the old values back.
    let writes: [CgroupWrite]

    init(before plan: [CgroupWrite], _ view: CgroupView) {
        var writes: [CgroupWrite] = []
        var files: Set<String> = []
        // Backwards: what had to be raised first has to be lowered last.
        for item in plan.reversed() where files.insert(item.file).inserted {
            // What cannot be read has no old value.
            guard let old = view.read(item.file) else { continue }
            let values = plan.filter { $0.file == item.file }.map(\.value)
            for line in Self.lines(item.file, old, values) {
                writes.append(CgroupWrite(item.controller, item.file, line, retried: true))
            }
        }
        self.writes = writes
    }

    private static func lines(_ file: String, _ old: String, _ new: [String]) -> [String] {
        if file == "memory.oom_control" { return ["\(CgroupCounters(old)["oom_kill_disable"])"] }
        // A write of nothing is none; a newline empties a list.
        if old.isEmpty, !isKeyed(file) { return ["\n"] }
        let lines = old.split(separator: "\n").map(String.init)
        guard isKeyed(file) else { return lines }
        let known = Set(lines.compactMap { $0.split(separator: " ").first })
        let fresh = Set(new.compactMap { $0.split(separator: " ").first }).subtracting(known)
        return fresh.sorted().filter { $0.contains(":") }.map { "\($0) \(absent(file))" } + lines
    }

    /// Files with a line for each block device.
    private static func isKeyed(_ file: String) -> Bool {
        file.hasPrefix("blkio.") && file.hasSuffix("_device") || file == "io.max"
            || file.hasSuffix(".weight")
                && file.hasPrefix("io.")
    }

    /// What removes a device's line.
    private static func absent(_ file: String) -> String {
        switch file {
        case "io.max": "rbps=max wbps=max riops=max wiops=max"
        case "io.weight", "io.bfq.weight": "default"
        default: "0"
        }
    }
}
