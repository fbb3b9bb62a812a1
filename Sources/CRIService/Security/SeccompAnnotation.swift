// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// What annotations say of a container's filter of system calls, by the names that CRI-O gives them: the newer one first.
enum SeccompAnnotation {
    private static let actions = ["seccomp-notifier-action.crio.io", "io.kubernetes.cri-o.seccompNotifierAction"]
    private static let profiles = ["seccomp-profile.crio.io", "seccomp-profile.kubernetes.cri-o.io"]

    /// What shall happen on forbidden calls, beside counting them: `stop`, or anything else for nothing.
    static func action(_ pod: [String: String], _ rules: [String]) -> String? {
        AnnotationRules.find(actions, in: pod, rules)?.value
    }

    /// Whether an annotation may name a profile of the container.
    static func mayNameProfile(_ container: String, _ rules: [String]) -> Bool {
        (names(container) + profiles).contains { AnnotationRules.allow($0, rules) }
    }

    /// The artifact with the container's profile: what the pod says goes before what the image says.
    static func profile(
        of container: String, pod: [String: String], image: [String: String], _ rules: [String]
    ) -> (name: String, value: String)? {
        AnnotationRules.find(names(container), in: pod, rules)
            ?? AnnotationRules.find(profiles + names(container), in: image, rules)
    }

    private static func names(_ container: String) -> [String] {
        profiles.map { "\($0)/\(container)" } + profiles.map { "\($0)/POD" }
    }
}

extension LinuxSeccomp {
    /// Has the calls that rules forbid handed over to a socket. Those that seem not to exist stay so, for programs try them and
    /// go on without; and what no rule names cannot be handed over, nor write(2), see seccomp_unotify(2).
    func handingOver(to socket: String) -> LinuxSeccomp {
        var changed = self
        let (forbidding, notImplemented): (Set<LinuxSeccompAction>, UInt32) = (
            [.errno, .kill, .killProcess, .killThread], 38
        )
        changed.syscalls = syscalls?.map { rule in
            guard forbidding.contains(rule.action), rule.errnoRet != notImplemented, !rule.names.contains("write")
            else { return rule }
            var rule = rule
            (rule.action, rule.errnoRet) = (.notify, nil)
            return rule
        }
        if changed.syscalls != syscalls { changed.listenerPath = socket }
        return changed
    }
}
