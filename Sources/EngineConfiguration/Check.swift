// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Checks of single values: each returns the value in its normal form, or throws what is wrong with it.
enum Check {
    /// An absolute path without `.`, `..`, repeated or trailing slashes in the result; `..` is refused, since it means
    /// different things before and after links are followed.
    static func path(_ text: String) throws(Complaint) -> String {
        guard text.hasPrefix("/") else { throw Complaint("\"\(text)\" is not an absolute path") }
        guard !text.utf8.contains(0) else { throw Complaint("path contains a NUL byte") }
        let parts = text.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else { throw Complaint("path \"\(text)\" contains \"..\"") }
        return "/" + parts.joined(separator: "/")
    }

    /// A slice's name, or an absolute path.
    static func cgroup(_ text: String) throws(Complaint) -> String {
        text.hasSuffix(".slice") && !text.contains("/") ? text : try folder(text)
    }

    /// Like `path`, but not the root of the file system: what is kept there would be everywhere.
    static func folder(_ text: String) throws(Complaint) -> String {
        let path = try path(text)
        guard path != "/" else { throw Complaint("\"/\" cannot be used") }
        return path
    }

    /// At least one folder.
    static func folders(_ list: [String]) throws(Complaint) -> [String] {
        guard !list.isEmpty else { throw Complaint("the list is empty") }
        return try list.map(folder)
    }

    /// Paths, or none.
    static func paths(_ list: [String]) throws(Complaint) -> [String] { try list.map(folder) }

    /// `name=soft:hard` or `name=both`; names are those of setrlimit(2) without RLIMIT_, in lower case.
    static func ulimits(_ list: [String]) throws(Complaint) -> [String] {
        for text in list where Ulimit(text) == nil {
            throw Complaint("\"\(text)\" is not a limit of the form \"nofile=1024:524288\"")
        }
        return list
    }

    /// `NAME=value`.
    static func variables(_ list: [String]) throws(Complaint) -> [String] {
        for text in list where text.first == "=" || !text.contains("=") || text.utf8.contains(0) {
            throw Complaint("\"\(text)\" is not a variable of the form \"NAME=value\"")
        }
        return list
    }

    /// `/dev/host`, `/dev/host:/dev/inside`, `/dev/host:rw` or all three.
    static func devices(_ list: [String]) throws(Complaint) -> [String] {
        for text in list where ConfiguredDevice(text) == nil {
            throw Complaint("\"\(text)\" is not a device of the form \"/dev/host:/dev/inside:rwm\"")
        }
        return list
    }

    /// A unix socket's path, with or without `unix://`. `sun_path` has 108 bytes, one of them for the final NUL.
    static func socket(_ text: String) throws(Complaint) -> String {
        let path = try folder(text.hasPrefix("unix://") ? String(text.dropFirst(7)) : text)
        guard path.utf8.count <= 107 else { throw Complaint("socket path \"\(path)\" is longer than 107 bytes") }
        return path
    }

    /// A program: an absolute path or a bare name.
    static func program(_ text: String) throws(Complaint) -> String {
        guard text.contains("/") || text.isEmpty || text == "." || text == ".." else { return text }
        return try folder(text)
    }

    /// The program of an OCI runtime. Those that containerd drives by a protocol of its own are none, and would fail with each
    /// pod only.
    static func runtime(_ text: String) throws(Complaint) -> String {
        let path = try program(text)
        if let name = path.split(separator: "/").last, name.hasPrefix("containerd-shim-") {
            throw Complaint("\"\(name)\" is a shim of containerd, which is not supported, and not an OCI runtime")
        }
        return path
    }

    /// `os/architecture=/path`.
    static func platformPaths(_ list: [String]) throws(Complaint) -> [String] {
        try list.map { (text) throws(Complaint) -> String in
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, parts[0].split(separator: "/", omittingEmptySubsequences: false).count == 2 else {
                throw Complaint("\"\(text)\" is not of the form \"os/architecture=/path\"")
            }
            return try "\(platform(parts[0]))=\(runtime(folder(parts[1])))"
        }
    }

    /// How a runtime is driven. CRI-O knows two more ways.
    static func runtimeType(_ text: String) throws(Complaint) -> String {
        switch text {
        case "oci", "": return "oci"
        case "vm": throw Complaint("\"vm\" means a shim of containerd, which is not supported, only \"oci\"")
        case "pod": throw Complaint("\"pod\" means conmon-rs, which is not supported, only \"oci\"")
        default: throw Complaint("\"\(text)\" is not \"oci\"")
        }
    }

    /// A regular expression, see regex(7).
    static func expression(_ text: String) throws(Complaint) -> String {
        do {
            _ = try RegularExpression(text)
        } catch {
            throw Complaint(error.description)
        }
        return text
    }

    /// The empty text, or what `check` makes of it.
    static func optional(
        _ check: @escaping @Sendable (String) throws(Complaint) -> String
    ) -> @Sendable (String) throws(Complaint) -> String {
        { (text: String) throws(Complaint) -> String in text.isEmpty ? "" : try check(text) }
    }

    /// Zero or more.
    static func count(_ number: Int) throws(Complaint) -> Int {
        guard number >= 0 else { throw Complaint("\(number) is negative") }
        return number
    }

    /// One or more.
    static func some(_ number: Int) throws(Complaint) -> Int {
        guard number > 0 else { throw Complaint("\(number) is less than 1") }
        return number
    }

    /// 0 to 65535.
    static func port(_ number: Int) throws(Complaint) -> Int {
        guard (0...65535).contains(number) else { throw Complaint("\(number) is not a port") }
        return number
    }

    /// A literal IP address: a name could mean another machine tomorrow.
    static func address(_ text: String) throws(Complaint) -> String {
        guard InternetSocket.isAddress(text) else { throw Complaint("\"\(text)\" is not an IP address") }
        return text
    }

    /// More than nothing.
    static func time(_ duration: Duration) throws(Complaint) -> Duration {
        guard duration > .zero else { throw Complaint("the time must be longer than 0s") }
        return duration
    }

    /// Capability names, with or without `CAP_`, in any case; in order, each once.
    static func capabilities(_ list: [String]) throws(Complaint) -> [String] {
        try Set(
            list.map { (text) throws(Complaint) -> String in
                let upper = text.uppercased()
                let name = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
                guard knownCapabilities.contains(name.dropFirst(4)) else {
                    throw Complaint("unknown capability \"\(text)\"")
                }
                return name
            }
        ).sorted()
    }

    /// Registries as they stand in image references: `host[:port]`, nothing before and nothing behind.
    static func registries(_ list: [String]) throws(Complaint) -> [String] {
        for text in list where text.isEmpty || text.contains("/") || text.contains(" ") {
            throw Complaint("\"\(text)\" is not a registry of the form \"host[:port]\"")
        }
        return list
    }

    /// `os/architecture[/variant]`.
    static func platform(_ text: String) throws(Complaint) -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), !parts.contains("") else {
            throw Complaint("\"\(text)\" is not a platform of the form \"os/architecture[/variant]\"")
        }
        return text
    }

    /// The name of a handler, which becomes part of a path, or of a workload.
    static func sectionName(_ text: String) throws(Complaint) {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
            default: false
            }
        }
        guard allowed, !text.isEmpty, text.utf8.count <= 63, text.first != "." else {
            throw Complaint("\"\(text)\" is not such a name: letters, digits, \"-\", \"_\" and \".\"")
        }
    }

    /// capabilities(7), up to Linux 5.9's CHECKPOINT_RESTORE.
    private static let knownCapabilities: Set<Substring> = [
        "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
        "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE",
        "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
        "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT",
        "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG",
        "WAKE_ALARM",
    ]
}
