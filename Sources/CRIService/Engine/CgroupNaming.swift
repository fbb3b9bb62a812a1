// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import EngineConfiguration
internal import Linux

/// Who makes the cgroups of this node's pods, and where pods go that come without one.
struct CgroupNaming: Hashable, Sendable {
    enum Driver: String, Sendable {
        case cgroupfs, systemd
    }

    var driver: Driver
    /// From the root of the hierarchy: `/skiff`, `/skiff.slice`.
    var parent: String

    /// What the settings mean on a machine; `hasSystemd`: its first process is systemd.
    init(_ choice: DaemonConfig.CgroupDriver, parent: String, hasSystemd: Bool) throws(ServiceError) {
        switch choice {
        case .cgroupfs: driver = .cgroupfs
        case .auto: driver = hasSystemd ? .systemd : .cgroupfs
        case .systemd:
            guard hasSystemd else {
                throw ServiceError(
                    .invalid, "use cgroup driver", "systemd", "systemd is not this machine's first process")
            }
            driver = .systemd
        }
        let given = parent.isEmpty ? (driver == .systemd ? "skiff.slice" : "/skiff") : parent
        self.parent = try Self.path(given, driver)
    }

    /// sd_booted(3).
    static var hasSystemd: Bool { Syscall.exists("/run/systemd/system") }

    /// The cgroup of a pod: the one that was asked for, otherwise one of its own.
    func pod(_ id: String, requested: String) throws(ServiceError) -> PodCgroup {
        guard requested.isEmpty else {
            return PodCgroup(path: try Self.path(requested, driver), isOwn: false)
        }
        switch driver {
        case .cgroupfs: return PodCgroup(path: "\(parent)/\(id)", isOwn: true)
        case .systemd:
            // Each dash of a slice's name is a level: a child's name begins with that of its parent.
            let slice = PodCgroup.lastName(parent).dropLast(PodCgroup.suffix.count)
            return PodCgroup(path: "\(parent)/\(slice)-\(id)\(PodCgroup.suffix)", isOwn: true)
        }
    }

    /// A parent as kubelet gives it, which for systemd is a slice's name or the path that follows from it.
    private static func path(_ parent: String, _ driver: Driver) throws(ServiceError) -> String {
        func refuse(_ cause: String) -> ServiceError { ServiceError(.invalid, "use cgroup parent", parent, cause) }
        let name = PodCgroup.lastName(parent)
        switch (driver, name.hasSuffix(PodCgroup.suffix)) {
        case (.cgroupfs, true):
            throw refuse("it is a slice of systemd, but the setting cgroup_driver says cgroupfs")
        case (.systemd, false): throw refuse("it is no slice, but the setting cgroup_driver says systemd")
        case (.cgroupfs, false):
            guard parent.hasPrefix("/") else { throw refuse("it is not an absolute path") }
            return parent
        case (.systemd, true):
            guard name != "-.slice" else { throw refuse("it is the slice of everything") }
            do throws(CgroupError) { return try SystemdScope.path(ofSlice: String(name)) } catch {
                throw refuse("\(error)")
            }
        }
    }
}
