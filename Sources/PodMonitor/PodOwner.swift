// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The root of a pod with a user namespace, as the machine sees it. Pipes that become standard streams are given to it:
/// else nobody in the pod could open /dev/stdout again.
struct PodOwner {
    private let uid: UInt32
    private let gid: UInt32

    /// Nil for a pod whose users are the machine's.
    init?(_ options: MonitorOptions) {
        guard let users = options.users, let groups = options.groups else { return nil }
        (uid, gid) = (users.outside, groups.outside)
    }

    /// Gives a pipe away, both ends of it; anything else stays whose it is.
    func take(_ descriptor: Int32) throws(SystemError) {
        try SystemError.attempt("change owner of", "standard stream") { () throws(Errno) in
            guard try Syscall.status(of: descriptor).kind == .fifo else { return }
            try Syscall.changeOwner(of: descriptor, uid: uid, gid: gid)
        }
    }
}
