// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import FoundationEssentials
internal import OCIRuntimeSpec

/// What a pod's author asks of the engine by annotations of the pod, where the handler allows them. Each has the name that
/// CRI-O gives it, and the older one.
extension SpecBuilder {
    private func annotation(_ names: [String]) -> (name: String, value: String)? {
        AnnotationRules.find(names, in: input.pod.annotations, input.defaults.allowedAnnotations)
    }

    /// The file mode creation mask of all processes of the container, in octal.
    func umask() throws(ServiceError) -> UInt32? {
        guard let (name, text) = annotation(["umask.crio.io", "io.kubernetes.cri-o.umask"]) else { return nil }
        guard let mask = UInt32(text, radix: 8), mask <= 0o777, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }) else {
            throw ServiceError(.invalid, "read annotation", name, "\"\(text)\" is not a mask such as 0077")
        }
        return mask
    }

    /// Keys of cgroup v2 for this container: `memory.high=1000000;memory.swap.max=0`.
    func unifiedAnnotation() throws(ServiceError) -> [String: String] {
        let container = input.container.metadata.name
        let names = ["unified-cgroup.crio.io/\(container)", "io.kubernetes.cri-o.UnifiedCgroup.\(container)"]
        guard let (name, text) = annotation(names) else { return [:] }
        var keys: [String: String] = [:]
        for part in text.split(separator: ";") {
            let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // The kernel's keys are files: a path would lead out of the container's cgroup, and those of cgroup.* are no
            // resources, but could bring processes of the machine into it.
            guard words.count == 2, words[0].contains("."), !words[0].contains("/"),
                ![".", "cgroup."].contains(where: words[0].hasPrefix)
            else {
                throw ServiceError(
                    .invalid, "read annotation", name, "\"\(part)\" is not of the form memory.high=1000000")
            }
            keys[String(words[0])] = Self.plain(String(words[1]))
        }
        return keys
    }

    /// A value may be in base64, for those with signs that annotations cannot hold. One that only happens to look so does not
    /// come out as text.
    private static func plain(_ value: String) -> String {
        guard let data = Data(base64Encoded: value), !data.isEmpty else { return value }
        let isText = data.allSatisfy { (0x20...0x7E).contains($0) || $0 == UInt8(ascii: "\n") }
        return isText ? String(decoding: data, as: UTF8.self) : value
    }

    /// Whether the container asks to write to its own cgroup v2. That is refused where it could lift the limits of the engine
    /// so: see `managesCgroups`.
    func asksForCgroups() throws(ServiceError) -> Bool {
        let names = ["cgroup2-mount-hierarchy-rw.crio.io", "io.kubernetes.cri-o.cgroup2-mount-hierarchy-rw"]
        guard let (name, value) = annotation(names), value == "true" else { return false }
        guard mayWriteCgroups else {
            throw ServiceError(
                .invalid, "obey annotation", name,
                "the container's limits are safe from it only in cgroup v2 that is mounted with nsdelegate")
        }
        return true
    }
}

/// The wish not to be kept to what FIPS allows, on a machine that is.
enum FIPSAnnotation {
    static func asksToHideIt(_ annotations: [String: String], _ rules: [String]) -> Bool {
        AnnotationRules.find(["disable-fips.crio.io", "io.kubernetes.cri-o.DisableFIPS"], in: annotations, rules)?.value
            == "true"
    }
}
