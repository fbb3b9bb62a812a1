// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIImageSpec
internal import OCIRuntimeSpec

/// Containers whose first program is systemd. See its container interface, systemd.io/CONTAINER_INTERFACE.
enum SystemdCommand {
    /// Whether the program that will run is called `systemd`, or `init` in an `sbin`.
    static func isMeant(by container: CRI.ContainerConfig, image: ImageConfig.Execution) -> Bool {
        let arguments = container.args.isEmpty ? image.cmd ?? [] : container.args
        let words = container.command.isEmpty ? (image.entrypoint ?? []) + arguments : container.command
        guard let program = words.first else { return false }
        return program.split(separator: "/").last == "systemd" || program.hasSuffix("/sbin/init")
    }
}

extension SpecBuilder {
    var runsSystemd: Bool { SystemdCommand.isMeant(by: input.container, image: input.image) }

    /// In the unified hierarchy the container's own cgroup is the root of what it sees, and systemd makes its units below.
    var managesCgroups: Bool { runsSystemd && input.host.hasUnifiedCgroups }

    /// What systemd wants to find empty, and in memory.
    func systemdMounts() -> [Mount] {
        guard runsSystemd else { return [] }
        let written = Set(writableMounts().map(\.destination))
        return [
            ("/run", "mode=755"), ("/run/lock", "mode=1777"), ("/tmp", "mode=1777"), ("/var/log/journal", "mode=755"),
        ].filter { place, _ in !written.contains(place) }.map { place, mode in
            Mount(destination: place, type: "tmpfs", source: "tmpfs", options: ["rw", "nosuid", "nodev", mode])
        }
    }
}
