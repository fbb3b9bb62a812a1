// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The folders that an image declares as volumes: programs count on them.
enum ImageVolumes {
    /// Makes those that the image does not have, in the container's own file system. With users of the pod's own all that is
    /// made belongs to their root. Blocks the calling thread.
    static func make(_ volumes: [String], in rootfs: String, users: UserMapping?) throws {
        guard !volumes.isEmpty else { return }
        let root = try SystemError.attempt("open", rootfs) { () throws(Errno) in try SafeRoot(rootfs) }
        let owner = users.map { FileOwner(uid: $0.root.uid, gid: $0.root.gid) }
        for volume in volumes {
            try SystemError.attempt("make the image's volume", volume) { () throws(Errno) in
                try root.makeDirectories(volume, owner: owner).close()
            }
        }
    }
}
