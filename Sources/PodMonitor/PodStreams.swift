// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What becomes standard streams of the pod's processes. In a pod with a user namespace pipes are given to its root, as the
/// machine sees it: else nobody in the pod could open /dev/stdout again.
final class PodStreams {
    private let owner: (uid: UInt32, gid: UInt32)?
    /// The pod's own null device, from its first use on. It stays open, for nobody is to wait until it is gone before the pod
    /// ends.
    private var null: OwnNullDevice?

    init(_ options: MonitorOptions) {
        owner =
            if let users = options.users, let groups = options.groups { (users.outside, groups.outside) } else { nil }
    }

    /// Those for a container that a runtime makes. All of them exchange a null device for the container's own; but in a pod
    /// with a user namespace some (crun 1.8) give away before what they have.
    func ofContainer(_ streams: [Int32]) throws(SystemError) -> [Int32] {
        guard owner != nil else { return streams }
        return try give(withOwnNull(streams))
    }

    /// Those for a process that a runtime of others starts in a container. They give away what they have, or leave it to the
    /// process, which can change its mode: it must not be the machine's null device.
    func ofExec(_ streams: [Int32]) throws(SystemError) -> [Int32] { try give(withOwnNull(streams)) }

    /// Pipes are given away, both ends of them; anything else stays whose it is.
    func give(_ streams: [Int32]) throws(SystemError) -> [Int32] {
        guard let owner else { return streams }
        for stream in streams where try status(stream).kind == .fifo {
            try SystemError.attempt("change owner of", "standard stream") { () throws(Errno) in
                try Syscall.changeOwner(of: stream, uid: owner.uid, gid: owner.gid)
            }
        }
        return streams
    }

    private func withOwnNull(_ streams: [Int32]) throws(SystemError) -> [Int32] {
        try streams.map { stream throws(SystemError) in
            try status(stream).isNullDevice ? ownNull().rawValue : stream
        }
    }

    private func status(_ stream: Int32) throws(SystemError) -> FileStatus {
        try SystemError.attempt("look at", "standard stream") { () throws(Errno) in try Syscall.status(of: stream) }
    }

    private func ownNull() throws(SystemError) -> SharedFD {
        try SystemError.attempt("make", "null device") { () throws(Errno) in
            let own = if let null { null } else { try OwnNullDevice() }
            null = own
            // A container may have changed either.
            try Syscall.changeMode(of: own.node.rawValue, 0o666)
            if let owner { try Syscall.changeOwner(of: own.node.rawValue, uid: owner.uid, gid: owner.gid) }
            return own.node
        }
    }
}
