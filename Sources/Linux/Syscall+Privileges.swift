// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

extension Syscall {
    /// Whether other processes of the user may look into this one through ptrace and /proc.
    /// The corresponding system call is `prctl(2)` with PR_SET_DUMPABLE.
    package static func setDumpable(_ on: Bool) throws(Errno) { try control(CLX_PR_SET_DUMPABLE, on ? 1 : 0) }

    /// The signal that the caller gets when its parent ends; nil for none. Cleared when ids change.
    /// The corresponding system call is `prctl(2)` with PR_SET_PDEATHSIG.
    package static func setParentDeathSignal(_ signal: Signal?) throws(Errno) {
        try control(CLX_PR_SET_PDEATHSIG, UInt64(signal?.rawValue ?? 0))
    }

    /// Orphans below the caller become its children. The corresponding system call is `prctl(2)` with
    /// PR_SET_CHILD_SUBREAPER.
    package static func becomeSubreaper() throws(Errno) { try control(CLX_PR_SET_CHILD_SUBREAPER, 1) }

    /// The permitted capabilities survive the next change of user ids.
    /// The corresponding system call is `prctl(2)` with PR_SET_KEEPCAPS.
    package static func keepCapabilities(_ on: Bool) throws(Errno) { try control(CLX_PR_SET_KEEPCAPS, on ? 1 : 0) }

    /// No program that is executed from here on grants privileges. The corresponding system call is `prctl(2)` with
    /// PR_SET_NO_NEW_PRIVS.
    package static func forbidNewPrivileges() throws(Errno) { try control(CLX_PR_SET_NO_NEW_PRIVS, 1) }

    /// A new session keyring. The corresponding system call is `keyctl(2)` with KEYCTL_JOIN_SESSION_KEYRING.
    package static func joinSessionKeyring(_ name: String) throws(Errno) {
        unsafe try Errno.check(clx_keyctl_join(name))
    }

    /// The execution domain. The corresponding system call is `personality(2)`.
    package static func setPersonality(_ persona: UInt64) throws(Errno) { try Errno.check(clx_personality(persona)) }

    /// Sets IFF_UP on an interface of the caller's network namespace. See netdevice(7).
    package static func bringInterfaceUp(_ name: String) throws(Errno) {
        unsafe try Errno.check(clx_interface_up(name))
    }

    /// A file in memory that can be sealed. The corresponding system call is `memfd_create(2)`.
    package static func memoryFile(_ name: String) throws(Errno) -> OwnedFD {
        unsafe OwnedFD(adopting: try Errno.check(clx_memfd_create(name, UInt32(CLX_MFD_ALLOW_SEALING))))
    }

    /// Forbids every later change of a memory file, also of its seals. The corresponding system call is `fcntl(2)` with
    /// F_ADD_SEALS.
    package static func seal(_ memoryFile: Int32) throws(Errno) {
        try Errno.check(clx_fcntl(memoryFile, CLX_F_ADD_SEALS, Int64(CLX_F_SEALS_ALL)))
    }

    /// Whether the file can never change any more; false for anything but a sealed memory file.
    /// The corresponding system call is `fcntl(2)` with F_GET_SEALS.
    package static func isSealed(_ descriptor: Int32) -> Bool {
        let seals = clx_fcntl(descriptor, CLX_F_GET_SEALS, 0)
        return seals >= 0 && seals & CLX_F_SEALS_ALL == CLX_F_SEALS_ALL
    }

    /// Whether a descriptor of this number is open.
    package static func isOpen(_ descriptor: Int32) -> Bool { clx_fcntl(descriptor, CLX_F_GETFD, 0) >= 0 }

    /// Whether a descriptor of this number is open and stays so at execution. The corresponding system call is `fcntl(2)`
    /// with F_GETFD.
    package static func survivesExecution(_ descriptor: Int32) -> Bool {
        let flags = clx_fcntl(descriptor, CLX_F_GETFD, 0)
        return flags >= 0 && flags & CLX_FD_CLOEXEC == 0
    }

    /// The effective group id. The corresponding system call is `getegid(2)`.
    package static var effectiveGroupID: UInt32 { clx_getegid() }
}
