// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Section `[runtime.workloads.NAME]`: pods that an annotation marks, and what is special about them.
package struct WorkloadConfig: Sendable, Equatable {
    /// The annotation that marks a pod, whatever its value.
    package var activationAnnotation = ""
    /// Annotations `PREFIX/CONTAINER` of the pod set the container's resources; "" for none.
    package var annotationPrefix = ""
    /// Annotations that are allowed beside those of the handler.
    package var allowedAnnotations: [String] = []
    /// Resources of containers that have no such annotation; 0 and "" for those of the request.
    package var cpuShares = 0
    package var cpuset = ""
    package var cpuQuota = 0
    package var cpuPeriod = 0
    /// Thousandths of a processor, in place of a quota.
    package var cpuLimit = 0

    /// One that marks nothing.
    package init() {}
}

extension WorkloadConfig: NamedSection {
    static let section = "runtime.workloads"
    static let meaning = "Pods with an annotation, whose containers get other CPUs than they ask for."
    static let example = WorkloadConfig()

    static let settings: [Setting<WorkloadConfig>] = [
        Setting(
            "activation_annotation", \.activationAnnotation,
            "The annotation that marks a pod, whatever its value. Needed."),
        Setting(
            "annotation_prefix", \.annotationPrefix,
            "Before /CONTAINER the name of an annotation of the pod, which says in JSON what else the container gets:\n"
                + "{\"cpushares\": 2, \"cpuset\": \"0-1\"}; also cpuquota, cpuperiod, cpulimit. Default: none."),
        Setting(
            "allowed_annotations", \.allowedAnnotations,
            "Annotations that are allowed beside those of the pod's handler."),
        Setting(
            "cpu_shares", \.cpuShares, "CPU shares of each container; 0 for those of the request.", check: Check.count),
        Setting("cpuset", \.cpuset, "CPUs of each container, such as 0-3,8. Default: those of the request."),
        Setting(
            "cpu_quota", \.cpuQuota, "Microseconds of CPU time in a period; 0 for those of the request.",
            check: Check.count),
        Setting("cpu_period", \.cpuPeriod, "That period; 0 for that of the request.", check: Check.count),
        Setting(
            "cpu_limit", \.cpuLimit, "Thousandths of a CPU, in place of a quota; 0 for no such limit.",
            check: Check.count),
    ]

    func validate() throws(Complaint) {
        if activationAnnotation.isEmpty { throw Complaint("there is no \"activation_annotation\"") }
    }
}

extension DaemonConfig.Runtime {
    /// The workload that a pod's annotations mean: the first by name.
    package func workload(of annotations: [String: String]) -> WorkloadConfig? {
        workloads.sorted { $0.key < $1.key }.first { annotations[$0.value.activationAnnotation] != nil }?.value
    }

    /// Annotations that count in a pod of the handler with these annotations.
    package func allowedAnnotations(ofHandler name: String, _ annotations: [String: String]) -> [String] {
        options(ofHandler: name).allowedAnnotations + (workload(of: annotations)?.allowedAnnotations ?? [])
    }
}
