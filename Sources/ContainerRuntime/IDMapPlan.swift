// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIRuntimeSpec

/// The ID mapping of a mount: files that belong to `containerID` on the file system are shown as those of `hostID`.
/// See "POSIX-platform Mounts" of the runtime specification and mount_setattr(2).
package struct IDMapPlan: Hashable, Sendable {
    package enum Mapping: Hashable, Sendable {
        /// That of the container's user namespace.
        case container
        case own(users: [LinuxIDMapping], groups: [LinuxIDMapping])
        /// crun's text of an option, which may count from the container's ids; only until the plan knows those.
        case text(String)
    }

    package var mapping: Mapping
    /// With the mounts below the source.
    package var isRecursive: Bool

    /// The mapping that the configuration gives the mount, with the property or with an option; nil when none.
    init?(_ mount: Mount, _ options: MountOptions) throws(PlanError) {
        let users = mount.uidMappings ?? []
        let groups = mount.gidMappings ?? []
        guard !users.isEmpty || !groups.isEmpty || options.idMap != nil else { return nil }
        guard users.isEmpty == groups.isEmpty else {
            throw PlanError("mount \"\(mount.destination)\": uidMappings and gidMappings must be given together")
        }
        isRecursive = options.idMap?.isRecursive ?? false
        switch (users.isEmpty, options.idMap?.text) {
        case (true, nil): mapping = .container
        case (true, let text?): mapping = .text(text)
        case (false, nil): mapping = .own(users: users, groups: groups)
        case (false, _): throw PlanError("mount \"\(mount.destination)\": ID mappings given twice")
        }
    }

    /// Makes the mapping independent of the text it was given as. `owners` is that of the container's user namespace,
    /// nil when it has none.
    mutating func resolve(
        for destination: String, _ owners: (users: [LinuxIDMapping], groups: [LinuxIDMapping])?
    ) throws(PlanError) {
        if case .text(let text) = mapping {
            guard let own = Self.parse(text, owners) else {
                throw PlanError("mount \"\(destination)\": invalid option \"idmap=\(text)\"")
            }
            mapping = .own(users: own.users, groups: own.groups)
        }
        switch mapping {
        case .own(let users, let groups):
            guard (users + groups).allSatisfy({ $0.size > 0 }) else {
                throw PlanError("mount \"\(destination)\": an ID mapping of size 0")
            }
            if let owners, owners.users == users, owners.groups == groups { mapping = .container }
        case .container, .text:
            guard owners != nil else {
                throw PlanError(
                    "mount \"\(destination)\": idmap without mappings needs a user namespace of the container")
            }
        }
    }

    /// `uids=0-1-10#20-30-1;gids=@0-0-10`: first id on the file system, first id shown, number. With `@` the second is
    /// one of the container's. See crun(1), "idmap mount options".
    private static func parse(
        _ text: String, _ owners: (users: [LinuxIDMapping], groups: [LinuxIDMapping])?
    ) -> (users: [LinuxIDMapping], groups: [LinuxIDMapping])? {
        var users: [LinuxIDMapping] = []
        var groups: [LinuxIDMapping] = []
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            if part.hasPrefix("uids="), let ranges = ranges(part.dropFirst(5), owners?.users) {
                users += ranges
            } else if part.hasPrefix("gids="), let ranges = ranges(part.dropFirst(5), owners?.groups) {
                groups += ranges
            } else {
                return nil
            }
        }
        return users.isEmpty || groups.isEmpty ? nil : (users, groups)
    }

    private static func ranges(_ text: Substring, _ owners: [LinuxIDMapping]?) -> [LinuxIDMapping]? {
        var ranges: [LinuxIDMapping] = []
        for range in text.split(separator: "#", omittingEmptySubsequences: false) {
            let isRelative = range.hasPrefix("@")
            let numbers = range.dropFirst(isRelative ? 1 : 0).split(separator: "-", omittingEmptySubsequences: false)
                .compactMap { UInt32($0) }
            guard numbers.count == 3 else { return nil }
            guard let shown = isRelative ? absolute(numbers[1], owners) : numbers[1] else { return nil }
            ranges.append(LinuxIDMapping(containerID: numbers[0], hostID: shown, size: numbers[2]))
        }
        return ranges
    }

    /// What the container's id is outside of its user namespace.
    private static func absolute(_ id: UInt32, _ owners: [LinuxIDMapping]?) -> UInt32? {
        guard let range = owners?.first(where: { $0.containerID <= id && id - $0.containerID < $0.size }) else {
            return nil
        }
        let (sum, overflow) = range.hostID.addingReportingOverflow(id - range.containerID)
        return overflow ? nil : sum
    }
}
