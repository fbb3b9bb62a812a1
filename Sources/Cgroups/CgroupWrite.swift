// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// One value for one file: what controllers plan and drivers carry out.
package struct CgroupWrite: Hashable, Sendable {
    /// The v1 name of the controller; empty for the cgroup itself.
    package var controller: String
    package var file: String
    package var value: String
    /// The kernel checks this value against another of the same plan. Where it refuses with EINVAL, it is tried once
    /// more after the others.
    package var retried: Bool

    /// Every property by name.
    package init(_ controller: String, _ file: String, _ value: String, retried: Bool = false) {
        self.controller = controller
        self.file = file
        self.value = value
        self.retried = retried
    }
}

/// What a plan may look at: the files of the cgroup for which it is made.
package struct CgroupView {
    /// Whether the cgroup has the file.
    package var has: (_ file: String) -> Bool
    /// The text of the file without the newline at its end; nil when it cannot be read.
    package var read: (_ file: String) -> String?

    /// A view of given files, for tests.
    package init(_ files: [String: String] = [:]) {
        has = { files[$0] != nil }
        read = { files[$0] }
    }

    init(_ directory: CgroupDirectory) {
        has = { directory.has($0) }
        // A file that cannot be read counts as absent: plans have a default for it.
        read = { (try? directory.read($0)) ?? nil }
    }

    /// A file that holds one number; nil for another content, such as `max`.
    func number(_ file: String) -> UInt64? { read(file).flatMap { UInt64($0) } }
}

extension CgroupDirectory {
    /// Carries out a plan in order; what may be tried again is tried again at the end.
    func carryOut(_ plan: [CgroupWrite]) throws(CgroupError) {
        var postponed: [CgroupWrite] = []
        // Device rules are many values for one file.
        var opened: (name: String, file: SharedFD)?
        for item in plan {
            do throws(CgroupError) {
                try CgroupError.attempt("write \"\(item.value)\" to", "\(path)/\(item.file)") { () throws(Errno) in
                    let file: SharedFD
                    if let opened, opened.name == item.file {
                        file = opened.file
                    } else {
                        file = SharedFD(try Syscall.open("\(path)/\(item.file)", .writeOnly))
                        opened = (item.file, file)
                    }
                    try file.descriptor.writeAll(item.value)
                }
            } catch  where item.retried && error.code == .system(.EINVAL) {
                postponed.append(item)
            }
        }
        for item in postponed { try write(item.file, item.value) }
    }
}
