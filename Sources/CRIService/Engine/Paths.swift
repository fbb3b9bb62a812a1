// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Where everything is: each path is a function of the two roots and an id.
package struct Paths: Hashable, Sendable {
    /// What survives a reboot.
    package let root: String
    /// What lives until the next boot.
    package let run: String

    /// Paths below the two roots.
    package init(root: String, run: String) {
        self.root = root
        self.run = run
    }

    var database: String { root + "/skiff.db" }
    /// Locked by the one daemon of this root.
    var lock: String { root + "/skiffd.lock" }

    /// The monitor's folder of a pod, with its socket and lock and the pod's files.
    func pod(_ id: String) -> String { "\(run)/pods/\(id)" }
    func monitorSocket(_ id: String) -> String { pod(id) + "/monitor.sock" }
    func monitorLog(_ id: String) -> String { pod(id) + "/monitor.log" }
    func hostname(_ id: String) -> String { pod(id) + "/hostname" }
    func hosts(_ id: String) -> String { pod(id) + "/hosts" }
    func resolv(_ id: String) -> String { pod(id) + "/resolv.conf" }
    /// What tells programs that they run in a container: an empty file.
    func containerMark(_ id: String) -> String { pod(id) + "/containerenv" }
    func shm(_ id: String) -> String { pod(id) + "/shm" }
    /// Pinned namespaces of a pod.
    func namespaces(_ id: String) -> String { "\(run)/ns/\(id)" }
    func namespace(_ id: String, _ kind: String) -> String { "\(run)/ns/\(id)/\(kind)" }

    /// The bundle of a container.
    func bundle(_ id: String) -> String { "\(run)/containers/\(id)" }
    func spec(_ id: String) -> String { bundle(id) + "/config.json" }
    func passwd(_ id: String) -> String { bundle(id) + "/passwd" }
    func group(_ id: String) -> String { bundle(id) + "/group" }
    /// What a container sees in place of the machine's word on FIPS.
    func fips(_ id: String) -> String { bundle(id) + "/fips_enabled" }
    func rootfs(_ id: String) -> String { bundle(id) + "/rootfs" }
    func pidFile(_ id: String) -> String { bundle(id) + "/pid" }
    func runtimeLog(_ id: String) -> String { bundle(id) + "/runtime.log" }
    /// The built-in profile of AppArmor, for its parser.
    var appArmorProfile: String { run + "/apparmor" }
    /// Sockets of terminals in the making. The kernel's address holds 107 bytes, so the name is short.
    var consoles: String { run + "/tty" }
    func consoleSocket(_ id: String) -> String { "\(consoles)/\(id.prefix(16))" }
    /// Where the container's filter hands over system calls.
    func seccompSocket(_ id: String) -> String { "\(consoles)/\(id.prefix(16)).seccomp" }
    /// The process of an exec, for a runtime that is told of it by files.
    func exec(_ id: String, _ execID: String, _ what: String) -> String { "\(bundle(id))/exec-\(execID).\(what)" }
    /// What a container leaves on disk.
    func container(_ id: String) -> String { "\(root)/containers/\(id)" }
    /// What a container writes to its root file system.
    func upper(_ id: String) -> String { container(id) + "/upper" }
    /// Folders of volumes that the image declares, where they are mounted.
    func imageVolumes(_ id: String) -> String { container(id) + "/volumes" }
    /// Where a checkpoint is put together.
    func checkpoint(_ id: String) -> String { container(id) + "/checkpoint" }
    /// A checkpoint that waits to be restored.
    func restore(_ id: String) -> String { container(id) + "/restore" }
    func exitRecord(_ id: String) -> String { container(id) + "/exit" }
}
