// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

extension Syscall {
    /// Loads a program of type BPF_PROG_TYPE_CGROUP_DEVICE, instructions encoded as `struct bpf_insn`. The corresponding
    /// system call is `bpf(2)` with BPF_PROG_LOAD.
    package static func loadDeviceProgram(_ instructions: [UInt64]) throws(Errno) -> OwnedFD {
        let result = unsafe clx_bpf_load_device_program(instructions, UInt32(instructions.count))
        return OwnedFD(adopting: try Errno.check(result))
    }

    /// Attaches a device program to a cgroup, beside the others or in the place of one. The corresponding system call is
    /// `bpf(2)` with BPF_PROG_ATTACH.
    package static func attachDeviceProgram(
        _ program: Int32, replacing replaced: Int32 = -1, cgroup: Int32
    ) throws(Errno) {
        try Errno.check(clx_bpf_attach_device_program(cgroup, program, replaced))
    }

    /// The corresponding system call is `bpf(2)` with BPF_PROG_DETACH.
    package static func detachDeviceProgram(_ program: Int32, cgroup: Int32) throws(Errno) {
        try Errno.check(clx_bpf_detach_device_program(cgroup, program))
    }

    /// The ids of a cgroup's device programs, 64 at most. The corresponding system call is `bpf(2)` with BPF_PROG_QUERY.
    package static func devicePrograms(cgroup: Int32) throws(Errno) -> [UInt32] {
        var ids = [UInt32](repeating: 0, count: 64)
        let count = unsafe try Errno.check(clx_bpf_device_programs(cgroup, &ids, 64))
        return Array(ids.prefix(Int(count)))
    }

    /// The corresponding system call is `bpf(2)` with BPF_PROG_GET_FD_BY_ID.
    package static func programDescriptor(_ id: UInt32) throws(Errno) -> OwnedFD {
        OwnedFD(adopting: try Errno.check(clx_bpf_program_descriptor(id)))
    }

    /// Filters the system calls of the calling thread with a classic BPF program of 8-byte instructions. Returns the
    /// listener when the flags ask for one. The corresponding system call is `seccomp(2)` with SECCOMP_SET_MODE_FILTER.
    package static func installFilter(_ program: [UInt64], flags: UInt32) throws(Errno) -> Int32 {
        guard let count = UInt16(exactly: program.count) else { throw .EINVAL }
        return unsafe try Errno.check(clx_seccomp_filter(flags, program, count))
    }

    /// Whether the kernel knows the flags of `installFilter`; nothing is installed. The corresponding system call is
    /// `seccomp(2)` without a filter.
    package static func isFilterFlagKnown(_ flags: UInt32) -> Bool { clx_seccomp_flags_known(flags) == 1 }

    /// Whether the kernel knows a seccomp action. The corresponding system call is `seccomp(2)` with
    /// SECCOMP_GET_ACTION_AVAIL.
    package static func isFilterActionAvailable(_ action: UInt32) -> Bool { clx_seccomp_action_available(action) == 0 }

    /// The next system call that a filter has handed over; ENOENT when its process was killed meanwhile. Waits for one. The
    /// corresponding system call is `ioctl(2)` with SECCOMP_IOCTL_NOTIF_RECV.
    package static func receiveCall(_ listener: Int32) throws(Errno) -> HandedCall {
        var call = HandedCall(id: 0, number: 0, architecture: 0)
        unsafe try Errno.check(clx_seccomp_receive(listener, &call.id, &call.number, &call.architecture))
        return call
    }

    /// Lets a call that was handed over fail. The corresponding system call is `ioctl(2)` with SECCOMP_IOCTL_NOTIF_SEND.
    package static func refuse(_ call: HandedCall, _ listener: Int32, with error: Errno) throws(Errno) {
        try Errno.check(clx_seccomp_answer(listener, call.id, error.rawValue))
    }

    /// Sets the capabilities of the calling thread; bit N is capability N. The corresponding system call is `capset(2)`.
    package static func setCapabilities(
        effective: UInt64, permitted: UInt64, inheritable: UInt64
    ) throws(Errno) {
        try Errno.check(clx_capset(effective, permitted, inheritable))
    }

    /// The capabilities of the calling thread. The corresponding system call is `capget(2)`.
    package static func capabilities() throws(Errno) -> (effective: UInt64, permitted: UInt64, inheritable: UInt64) {
        var sets: (effective: UInt64, permitted: UInt64, inheritable: UInt64) = (0, 0, 0)
        unsafe try Errno.check(clx_capget(&sets.effective, &sets.permitted, &sets.inheritable))
        return sets
    }
}

/// A system call that waits for an answer. See seccomp_unotify(2).
package struct HandedCall: Hashable, Sendable {
    package var id: UInt64
    package var number: Int32
    /// AUDIT_ARCH_*, which libseccomp's numbers of architectures are too.
    package var architecture: UInt32
}
