// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The labels that the machine's policy has for containers. They stand in `contexts/lxc_contexts` of the policy's folder:
///
///     process = "system_u:system_r:container_t:s0"
///     file = "system_u:object_r:container_file_t:s0"
///     init_process = "system_u:system_r:container_init_t:s0"
package struct SELinuxPolicy: Hashable, Sendable {
    package var process: SELinuxContext
    package var file: SELinuxContext
    /// Of containers whose first program is systemd.
    package var initProcess: SELinuxContext?

    /// Throws nothing: what is no such file says nothing of containers.
    package init?(parsing text: String) {
        var values: [String: SELinuxContext] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: "=", maxSplits: 1).map { part in
                String(part.filter { !$0.isWhitespace && $0 != "\"" })
            }
            if parts.count == 2 { values[parts[0]] = SELinuxContext(parsing: parts[1]) }
        }
        guard let process = values["process"], let file = values["file"] else { return nil }
        (self.process, self.file, initProcess) = (process, file, values["init_process"])
    }

    private init(process: SELinuxContext, file: SELinuxContext) { (self.process, self.file) = (process, file) }

    /// For requests that state a label, where the policy has none for containers.
    static let usual: SELinuxPolicy? = {
        guard let process = SELinuxContext(parsing: "system_u:system_r:container_t:s0"),
            let file = SELinuxContext(parsing: "system_u:object_r:container_file_t:s0")
        else { return nil }
        return SELinuxPolicy(process: process, file: file)
    }()

    /// That of the machine; nil without SELinux, and where its policy knows no containers. Blocks the calling thread.
    static func find(_ folder: String = "/etc/selinux") -> SELinuxPolicy? {
        guard let settings = try? Syscall.readText("\(folder)/config") else { return nil }
        let key = "SELINUXTYPE="
        guard let line = settings.split(separator: "\n").last(where: { $0.hasPrefix(key) }) else { return nil }
        let name = line.dropFirst(key.count).filter { !$0.isWhitespace }
        return (try? Syscall.readText("\(folder)/\(name)/contexts/lxc_contexts")).flatMap { SELinuxPolicy(parsing: $0) }
    }

    /// A level for one pod alone: two of the categories, which no other pod has both of. Throws when there are no such two.
    func newLevel(beside taken: Set<String>, categories: Int = 1024) throws(ServiceError) -> String {
        let sensitivity = process.level.prefix { $0 != ":" && $0 != "-" }
        func level(_ one: Int, _ other: Int) -> String? {
            let level = "\(sensitivity):c\(min(one, other)),c\(max(one, other))"
            return one == other || taken.contains(level) ? nil : level
        }
        // With less than half of them taken, fewer than one search in a million has to look at all.
        for _ in 0..<20 {
            if let found = level(.random(in: 0..<categories), .random(in: 0..<categories)) { return found }
        }
        for one in 0..<categories {
            for other in one + 1..<categories {
                if let found = level(one, other) { return found }
            }
        }
        throw ServiceError(
            .state, "choose SELinux level", nil, "other pods have all pairs of the \(categories) categories")
    }
}
