// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI

/// A label of SELinux: `user:role:type:level`, where the level may have colons and commas in it.
package struct SELinuxContext: Hashable, Sendable {
    package var user: String
    package var role: String
    package var type: String
    /// "" without MLS.
    package var level: String

    package init?(parsing text: String) {
        let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3, !parts.prefix(3).contains("") else { return nil }
        (user, role, type, level) = (parts[0], parts[1], parts[2], parts.count == 4 ? parts[3] : "")
    }

    /// As the kernel reads it.
    package var text: String { [user, role, type].joined(separator: ":") + (level.isEmpty ? "" : ":\(level)") }

    /// Throws for what is no part of a label: it would end up among the options of mounts.
    static func check(_ options: CRI.SELinuxOption) throws(ServiceError) {
        let signs = Set("_-.:,".utf8)
        for part in [options.user, options.role, options.type, options.level] {
            let isPart = part.utf8.allSatisfy { byte in
                signs.contains(byte) || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte & 0xDF)
            }
            guard isPart else {
                throw ServiceError(.invalid, "use SELinux label", part, "it has other signs than labels")
            }
        }
    }

    /// The same with what a request states.
    func with(_ options: CRI.SELinuxOption) -> SELinuxContext {
        var context = self
        if !options.user.isEmpty { context.user = options.user }
        if !options.role.isEmpty { context.role = options.role }
        if !options.type.isEmpty { context.type = options.type }
        if !options.level.isEmpty { context.level = options.level }
        return context
    }
}
