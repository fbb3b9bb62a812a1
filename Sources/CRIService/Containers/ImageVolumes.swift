// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import Linux

/// The folders that an image declares as volumes: programs count on them.
struct ImageVolumes: Sendable {
    /// What the image declares.
    var places: [String]
    var way: DaemonConfig.ImageVolumes
    /// Where folders go that are mounted.
    var folder: String
    /// With users of the pod's own all that is made belongs to their root.
    var users: UserMapping?
    /// SELinux' label of what is mounted.
    var label: String?

    private var owner: FileOwner? { users.map { FileOwner(uid: $0.root.uid, gid: $0.root.gid) } }

    /// Makes the folders, and returns what has to be mounted for them. Blocks the calling thread.
    func make(in rootfs: String) throws -> [PreparedMount] {
        guard !places.isEmpty else { return [] }
        switch way {
        case .ignore: return []
        case .mkdir:
            try makeBelow(rootfs)
            return []
        case .bind: return try places.sorted().enumerated().map { try mount("\($0)", at: $1) }
        }
    }

    private func makeBelow(_ rootfs: String) throws {
        let root = try SystemError.attempt("open", rootfs) { () throws(Errno) in try SafeRoot(rootfs) }
        for place in places.sorted() {
            try SystemError.attempt("make the image's volume", place) { () throws(Errno) in
                try root.makeDirectories(place, owner: owner).close()
            }
        }
    }

    private func mount(_ name: String, at place: String) throws -> PreparedMount {
        let path = "\(folder)/\(name)"
        try SystemError.attempt("make the image's volume", path) { () throws(Errno) in
            try Syscall.makeDirectories(path, mode: 0o755)
            if let owner { try Syscall.changeOwner(path, uid: owner.uid, gid: owner.gid) }
        }
        if let label { try SELinuxTree.label(path, label) }
        return PreparedMount(destination: place, source: path)
    }
}
