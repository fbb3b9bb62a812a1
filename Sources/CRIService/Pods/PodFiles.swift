// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux

/// The files that all containers of a pod see: their contents.
enum PodFiles {
    /// `/etc/hosts` of a pod with its own network.
    static func hosts(ips: [String], hostname: String) -> String {
        var lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
        if !hostname.isEmpty { lines += ips.map { "\($0)\t\(hostname)" } }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `/etc/resolv.conf` of a request that says something of it; nil stands for the host's.
    static func resolv(_ dns: CRI.DNSConfig) -> String? {
        var lines: [String] = []
        if !dns.searches.isEmpty { lines.append("search " + dns.searches.joined(separator: " ")) }
        lines += dns.servers.map { "nameserver \($0)" }
        if !dns.options.isEmpty { lines.append("options " + dns.options.joined(separator: " ")) }
        return lines.isEmpty ? nil : lines.joined(separator: "\n") + "\n"
    }

    /// Writes all of them, and mounts the pod's /dev/shm; blocks the calling thread.
    static func make(
        _ id: String, _ paths: Paths, plan: PodPlan, config: CRI.PodConfig, ips: [String], label: String?
    ) throws {
        let hostname = try plan.usesHostNetwork ? hostName() : config.hostname
        func write(_ path: String, _ text: String) throws {
            try SystemError.attempt("write", path) { () throws(Errno) in
                try AtomicFile.write(path, text)
                // Like the pod's other files, they are its root's.
                if let root = plan.users?.root { try Syscall.changeOwner(path, uid: root.uid, gid: root.gid) }
            }
            if let label { try SELinuxTree.label(path, label) }
        }
        try write(paths.hostname(id), hostname + "\n")
        let hosts = plan.usesHostNetwork ? copy("/etc/hosts") : hosts(ips: ips, hostname: hostname)
        try write(paths.hosts(id), hosts)
        try write(paths.containerMark(id), "")
        try write(paths.resolv(id), resolv(config.dnsConfig) ?? copy("/etc/resolv.conf"))
        if !plan.usesHostIPC { try mountShm(paths.shm(id), plan, label) }
    }

    /// The host's name.
    static func hostName() throws -> String {
        let text = try Syscall.readText("/proc/sys/kernel/hostname")
        return String(text.prefix { $0 != "\n" })
    }

    /// A host may do without the file; then the pod gets an empty one.
    private static func copy(_ path: String) -> String { (try? Syscall.readText(path)) ?? "" }

    private static func mountShm(_ path: String, _ plan: PodPlan, _ label: String?) throws {
        let owner = plan.users.map { ",uid=\($0.root.uid),gid=\($0.root.gid)" } ?? ""
        // In quotes, for the categories of a label stand with commas between them, mount(8).
        let context = label.map { ",context=\"\($0)\"" } ?? ""
        try SystemError.attempt("mount", path) { () throws(Errno) in
            do throws(Errno) { try Syscall.makeDirectory(path, mode: 0o1777) } catch .EEXIST {}
            try Syscall.mount(
                source: "shm", target: path, type: "tmpfs", flags: [.noSUID, .noDevices, .noExec],
                data: "mode=1777,size=\(plan.shmSize)" + owner + context)
        }
    }
}
