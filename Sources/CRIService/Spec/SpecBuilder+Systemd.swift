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
    /// The limits of that cgroup are the engine's, and lie in it: the mount may be written only where the kernel keeps the
    /// namespace's root from them (`nsdelegate`, see cgroups(7)), or where it is not their owner.
    var managesCgroups: Bool { runsSystemd && mayWriteCgroups }

    /// See `managesCgroups`.
    var mayWriteCgroups: Bool {
        input.host.hasUnifiedCgroups && (input.host.delegatesCgroups || input.surroundings.users != nil)
    }

    /// What systemd wants to find empty, and in memory. Not in a volume: the places would be made in it.
    func systemdMounts(beside taken: Set<String>) -> [Mount] {
        guard runsSystemd else { return [] }
        let written = Set(writableMounts().map(\.destination))
        return [
            ("/run", "mode=755"), ("/run/lock", "mode=1777"), ("/tmp", "mode=1777"), ("/var/log/journal", "mode=755"),
        ].filter { place, _ in !written.contains(place) && !Self.isTaken(place, by: taken) }.map { place, mode in
            Mount(destination: place, type: "tmpfs", source: "tmpfs", options: ["rw", "nosuid", "nodev", mode])
        }
    }
}
