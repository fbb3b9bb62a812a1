// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import Linux

/// The child that is cloned into a pod's new namespaces and sets them up. The monitor has one thread, so it may run
/// Swift after clone.
struct NamespaceChild {
    var kinds: [PodNamespace]
    var hostname: String?
    var sysctls: [Sysctl]

    /// The child's whole life: tells the result, waits for the byte that permits to go on, and ends or becomes pause.
    func run(result: Int32, permission: Int32) -> Never {
        if kinds.contains(.user) { Self.waitForPermission(permission) }
        // Nothing is lost when the monitor does not hear the result, or gives no permission: then it is dead.
        _ = try? Syscall.writeAll(result, Array(setUp().utf8))
        _ = try? OwnedFD(adopting: result).close()
        Self.waitForPermission(permission)
        guard kinds.contains(.pid) else { Syscall.exitNow(0) }
        Pause.run()
    }

    private static func waitForPermission(_ permission: Int32) {
        guard let permitted = try? Syscall.read(permission, upTo: 1), permitted == [1] else { Syscall.exitNow(1) }
    }

    /// "ok", or what failed.
    private func setUp() -> String {
        do {
            if kinds.contains(.user) { try becomeRootInside() }
            // The monitor may have died before this line: then no permission will come.
            try Syscall.control(CLX_PR_SET_PDEATHSIG, UInt64(Signal.kill.rawValue))
            try Syscall.setProcessName(Pause.name)
            try setUpNamespaces()
            if kinds.contains(.pid) { try leaveHost() }
            return "ok"
        } catch {
            return "\(error)"
        }
    }

    /// Before there is a container beside it.
    private func leaveHost() throws {
        try SystemError.attempt("prepare", Pause.name) { () throws(Errno) in
            try EmptyRoot.enter()
            try EmptyRoot.becomeNobody()
            // The change of user has cleared it; a monitor that died meanwhile gives no permission.
            try Syscall.control(CLX_PR_SET_PDEATHSIG, UInt64(Signal.kill.rawValue))
        }
    }

    /// The user that owns the other namespaces. First of all: a change of ids makes the kernel forget whose death the
    /// process shall share.
    private func becomeRootInside() throws(SystemError) {
        try SystemError.attempt("become", "root of the user namespace") { () throws(Errno) in
            try Syscall.setGroups([])
            try Syscall.setGroup(0)
            try Syscall.setUser(0)
            // The memory is the monitor's: whoever is root inside shall not look into it.
            try Syscall.setDumpable(false)
        }
    }

    private func setUpNamespaces() throws {
        if kinds.contains(.network) {
            try SystemError.attempt("bring up interface", "lo") { () throws(Errno) in
                try Syscall.bringInterfaceUp("lo")
            }
        }
        if let hostname {
            try SystemError.attempt("set hostname", hostname) { () throws(Errno) in try Syscall.setHostName(hostname) }
        }
        for sysctl in sysctls {
            try SystemError.attempt("set sysctl", "\(sysctl.name)=\(sysctl.value)") { () throws(Errno) in
                try Syscall.writeExisting("/proc/sys/\(sysctl.path)", sysctl.value)
            }
        }
    }
}
