// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import Synchronization

/// The AppArmor profile that a container asks for, in the field or in the older string.
package enum AppArmorRequest: Hashable, Sendable {
    /// RuntimeDefault; what a request that says nothing means, too.
    case standard(isStated: Bool)
    case unconfined
    case profile(String)

    /// A privileged container is not confined, whatever it says.
    init(_ security: CRI.ContainerSecurity) {
        if security.privileged {
            self = .unconfined
        } else if security.hasApparmor {
            switch security.apparmor.profileType {
            case .runtimeDefault, .UNRECOGNIZED: self = .standard(isStated: true)
            case .unconfined: self = .unconfined
            case .localhost: self = .profile(Self.name(security.apparmor.localhostRef))
            }
        } else {
            switch security.apparmorProfile {
            case "": self = .standard(isStated: false)
            case "runtime/default": self = .standard(isStated: true)
            case "unconfined": self = .unconfined
            default: self = .profile(Self.name(security.apparmorProfile))
            }
        }
    }

    private static func name(_ reference: String) -> String {
        reference.hasPrefix("localhost/") ? String(reference.dropFirst("localhost/".count)) : reference
    }
}

/// Profiles in a kernel that has AppArmor. Calls block.
///
/// ## Concurrency model
/// What is loaded the kernel says, each time. One thread at a time loads the built-in profile.
final class AppArmorProfiles: Sendable {
    /// The built-in profile for RuntimeDefault.
    static let builtIn = "skiff-default"
    private static let searchPath = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Where the built-in profile is written for the parser.
    private let file: String
    /// Whether this daemon has loaded it: another's of that name may be older.
    private let isLoaded = Mutex(false)

    init(file: String) { self.file = file }

    /// The name of the profile that a container gets, where RuntimeDefault stands for `standard`; nil for none. Throws when
    /// the request names one that is not there.
    func profile(_ request: AppArmorRequest, standard: String) throws -> String? {
        switch request {
        case .unconfined: return nil
        case .profile(let name):
            guard !name.isEmpty else { throw ServiceError(.invalid, "set AppArmor profile", "", "it has no name") }
            guard try Self.loaded().contains(name) else {
                throw ServiceError(.invalid, "set AppArmor profile", name, "the kernel has no profile of that name")
            }
            return name
        case .standard(let isStated):
            do {
                try load(standard)
                return standard
            } catch  where !isStated {
                // Nobody counts on it.
                return nil
            }
        }
    }

    private static func loaded() throws -> Set<String> {
        let path = "/sys/kernel/security/apparmor/profiles"
        let text = try SystemError.attempt("read", path) { () throws(Errno) in try Syscall.readText(path) }
        // `name (mode)`; a name may have spaces.
        return Set(
            text.split(separator: "\n").compactMap { line in
                line.firstRange(of: " (").map { String(line[..<$0.lowerBound]) }
            })
    }

    private func load(_ standard: String) throws {
        guard standard == Self.builtIn else {
            guard try Self.loaded().contains(standard) else {
                throw ServiceError(.failed, "set AppArmor profile", standard, "the kernel has no profile of that name")
            }
            return
        }
        try isLoaded.withLock { isLoaded in
            if isLoaded, try Self.loaded().contains(standard) { return }
            try parse()
            isLoaded = true
        }
    }

    private func parse() throws {
        guard let parser = ChildPlan.find("apparmor_parser", path: Self.searchPath) else {
            throw ServiceError(.failed, "load AppArmor profile", Self.builtIn, "apparmor_parser is not installed")
        }
        let file = file
        let output = try SystemError.attempt("run", parser) { () throws(Errno) in
            try AtomicFile.write(file, Self.text, mode: 0o600)
            return try CommandOutput.run(
                ChildPlan(
                    parser, [parser, "--replace", "--skip-cache", file], environment: ["PATH=\(Self.searchPath)"]),
                timeoutMilliseconds: 60_000)
        }
        guard output.status.isSuccess else {
            let said = output.errorText.split(whereSeparator: \.isNewline).joined(separator: "; ")
            throw ServiceError(.failed, "load AppArmor profile", Self.builtIn, said)
        }
    }

    /// Whatever capabilities, namespaces and device rules leave to a container, but for the switches of the machine, for
    /// mounts, and for processes of others.
    static let text = """
        profile \(builtIn) flags=(attach_disconnected, mediate_deleted) {
          capability,
          file,
          network,
          umount,
          unix,

          signal (receive) peer=unconfined,
          signal (send, receive) peer=\(builtIn),
          ptrace (read, readby, trace, tracedby) peer=\(builtIn),

          deny mount,
          deny pivot_root,

          deny /proc/* w,
          deny /proc/{kcore,kmem,mem,sysrq-trigger} rwklx,
          deny /proc/acpi/** rwklx,
          deny /proc/{bus,fs,irq,scsi}/** wl,
          deny /proc/sys/{abi,debug,dev,user,vm}/** wl,
          deny /proc/sys/fs/{binfmt_misc,epoll,inotify,nfs,quota,xfs}/** wl,
          deny /proc/sys/fs/* wl,
          deny /proc/sys/kernel/{acct,cad_pid,core_*,ctrl-alt-del,hotplug,kexec_*,modprobe,modules_*} wl,
          deny /proc/sys/kernel/{ns_last_pid,panic*,perf_*,poweroff_cmd,printk*,randomize_va_space,sysrq} wl,
          deny /proc/sys/kernel/{keys,pty,random,seccomp,usermodehelper,yama}/** wl,

          deny /sys/{block,bus,class,dev,devices,hypervisor,module,power}/** wl,
          deny /sys/firmware/** rwklx,
          deny /sys/kernel/** wl,
          deny /sys/kernel/security/** rwklx,
          deny /sys/fs/{bpf,ext4,fuse,pstore,resctrl,selinux,smackfs,xfs}/** wl,
        }

        """
}
