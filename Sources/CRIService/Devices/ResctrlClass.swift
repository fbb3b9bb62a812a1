// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The share of caches and memory bandwidth that annotations ask for: a group of resctrl that the administrator has made. See
/// Documentation/filesystems/resctrl.rst of Linux.
package enum ResctrlClass {
    private static let container = "io.kubernetes.cri.rdt-class"
    private static let pod = "rdt.resources.beta.kubernetes.io"

    /// The group's name; nil where none is asked for. What is said of one container goes before what is said of its pod. It is
    /// an error where the rules do not allow to ask: the container would be slower or faster than its author thinks.
    package static func find(
        container name: String, _ annotations: [String: String], pod podAnnotations: [String: String], rules: [String]
    ) throws(ServiceError) -> String? {
        let places = [
            (container, annotations), ("\(pod)/container.\(name)", podAnnotations), ("\(pod)/pod", podAnnotations),
        ]
        guard let (key, values) = places.first(where: { $0.1[$0.0] != nil }), let group = values[key] else {
            return nil
        }
        guard AnnotationRules.allow(key, rules) else {
            throw ServiceError(.invalid, "obey annotation", key, "it is not among the handler's allowed_annotations")
        }
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
