// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A group of the resctrl file system: a directory with the files `schemata` and `tasks`, and groups that only measure
/// below `mon_groups`. See Documentation/filesystems/resctrl.rst of Linux.
package struct ResctrlGroup: Codable, Hashable, Sendable {
    package var directory: String
    /// The directory that measures the container alone; nil where nobody has asked for it.
    package var monitoring: String?
    /// The group is the container's alone, and goes with it. One that the configuration names outlives the container: its
    /// like may be in it.
    package var isOwn: Bool

    /// The group of a container; nothing is touched.
    package init(_ plan: ResctrlPlan, id: String, root: String) {
        directory = plan.group == "/" ? root : "\(root)/\(plan.group ?? id)"
        isOwn = plan.group == nil
        monitoring = plan.monitors ? "\(directory)/mon_groups/\(id)" : nil
    }

    /// Where the file system is mounted.
    package static func mountPoint() throws -> String {
        let mounts = try SystemError.attempt("read", "/proc/self/mountinfo") { () throws(Errno) in
            try MountInfo.read()
        }
        guard let mount = mounts.first(where: { $0.type == "resctrl" }) else {
            throw PlanError("intelRdt is specified in config, but Intel RDT is not supported or enabled")
        }
        return mount.mountPoint
    }

    /// Finds or makes the group. Returns whether it was there already.
    package func create(_ plan: ResctrlPlan) throws -> Bool {
        if plan.group != nil, !plan.hasSchemata {
            guard Syscall.exists(directory) else {
                throw SystemError("find the pre-configured resctrl group", directory, .ENOENT)
            }
            return true
        }
        do throws(Errno) {
            if plan.group == "/" { throw .EEXIST }
            try Syscall.makeDirectory(directory, mode: 0o755)
            return false
        } catch .EEXIST {
            return true
        } catch {
            throw SystemError("create resctrl group", directory, error)
        }
    }

    /// Says what the group gets. One that was there, and is not the container's own, keeps what others count on: that it
    /// has the lines already is checked only.
    package func configure(_ plan: ResctrlPlan, existed: Bool) throws {
        if existed, !isOwn {
            try checkLines(plan.lines)
        } else if !plan.lines.isEmpty {
            try write(plan.lines.joined(separator: "\n"))
        }
        if let schemata = plan.schemata { try write(schemata) }
    }

    /// Makes the group that measures; needs the other one.
    package func createMonitoring() throws {
        guard let monitoring else { return }
        do throws(Errno) { try Syscall.makeDirectory(monitoring, mode: 0o755) } catch .EEXIST {} catch {
            throw SystemError("create resctrl monitoring group", monitoring, error)
        }
    }

    /// Puts a process into the group; its children follow.
    package func add(_ pid: Int32) throws {
        for folder in [directory, monitoring].compactMap(\.self) {
            try SystemError.attempt("add process \(pid) to resctrl group", folder) { () throws(Errno) in
                try Syscall.writeExisting("\(folder)/tasks", "\(pid)\n")
            }
        }
    }

    /// Removes what is the container's alone; what is gone already is right. The kernel removes the files in it.
    package func remove() throws {
        guard let folder = isOwn ? directory : monitoring else { return }
        do throws(Errno) { try Syscall.removeDirectory(folder) } catch .ENOENT {} catch {
            throw SystemError("remove resctrl group", folder, error)
        }
    }

    /// Changes what the group gets, by lines of its `schemata`.
    func write(_ text: String) throws {
        // The kernel wants the end of the last line too.
        let text = text.hasSuffix("\n") ? text : text + "\n"
        try SystemError.attempt("write \"\(text.dropLast())\" to", "\(directory)/schemata") { () throws(Errno) in
            try Syscall.writeExisting("\(directory)/schemata", text)
        }
    }

    private func checkLines(_ lines: [String]) throws {
        if lines.isEmpty { return }
        let text = try SystemError.attempt("read", "\(directory)/schemata") { () throws(Errno) in
            try Syscall.readText("\(directory)/schemata")
        }
        let present = text.split(separator: "\n").map(Self.values)
        for line in lines {
            let (resource, wanted) = Self.values(line[...])
            let found = present.first { $0.resource == resource }?.values ?? [:]
            guard wanted.allSatisfy({ found[$0.key] == $0.value }) else {
                throw RuntimeError("resctrl group \"\(directory)\" does not have the schema \"\(line)\"")
            }
        }
    }

    /// `L3:0=7ff;1=7ff` by cache; the kernel writes blanks before the name and zeros before the numbers.
    private static func values(_ line: Substring) -> (resource: Substring, values: [Substring: Substring]) {
        let parts = line.split(separator: ":", maxSplits: 1)
        let resource = (parts.first ?? "").drop { $0 == " " }
        var values: [Substring: Substring] = [:]
        for part in (parts.count > 1 ? parts[1] : "").split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { continue }
            let number = pair[1].drop { $0 == " " || $0 == "0" }
            values[pair[0].drop { $0 == " " }] = number.isEmpty ? "0" : number
        }
        return (resource, values)
    }
}
