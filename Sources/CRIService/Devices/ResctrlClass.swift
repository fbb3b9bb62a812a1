// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The share of caches and memory bandwidth that annotations ask for: a group of resctrl that the administrator has made. See
/// Documentation/filesystems/resctrl.rst of Linux.
package enum ResctrlClass {
    /// The group's name; nil where none is asked for.
    package static func find(
        container name: String, _ annotations: [String: String], pod podAnnotations: [String: String], rules: [String]
    ) throws(ServiceError) -> String? {
        guard
            let (key, group) = try ClassAnnotation.caches.find(
                container: name, annotations, pod: podAnnotations, rules: rules)
        else { return nil }
        let isName = group.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "/") }
        guard !group.isEmpty, !group.hasPrefix("."), isName else {
            throw ServiceError(.invalid, "obey annotation", key, "\"\(group)\" is no name of a group")
        }
        return group
    }

    /// Throws unless there is such a group. Blocks the calling thread.
    static func check(_ group: String) throws {
        let mounts = try SystemError.attempt("read", "/proc/self/mountinfo") { () throws(Errno) in try MountInfo.read()
        }
        guard let mount = mounts.first(where: { $0.type == "resctrl" }) else {
            throw ServiceError(.state, "use resctrl group", group, "the file system resctrl is not mounted")
        }
        guard Syscall.exists("\(mount.mountPoint)/\(group)/schemata") else {
            throw ServiceError(.state, "use resctrl group", group, "it is not in \"\(mount.mountPoint)\"")
        }
    }
}
