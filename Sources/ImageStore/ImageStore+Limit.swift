// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
internal import OCIImageSpec

/// Limits of what containers write to their root file systems.
extension ImageStore {
    /// Throws when there shall be limits, and nothing enforces them.
    func checkLimits() throws {
        guard settings.writableLimit > 0 else { return }
        let folder = paths.containers
        let isEnforced = try ImageStoreError.attempt("look for quotas of", folder) { () throws(Errno) in
            try ProjectQuota.isEnforced(at: folder)
        }
        guard isEnforced else {
            throw ImageStoreError(
                .invalid, "limit what containers write to", folder,
                "its file system has no quotas of projects: it must be ext4 (made with -O quota,project) or XFS, mounted with"
                    + " prjquota, and Linux 5.14 or later")
        }
    }

    func limit(_ project: UInt32) throws(ImageStoreError) {
        let (folder, bytes) = (paths.containers, settings.writableLimit)
        // That of a container which is mounted again stays where there are no new ones.
        guard bytes > 0 else { return }
        try ImageStoreError.attempt("limit what containers write to", folder) { () throws(Errno) in
            try ProjectQuota.limit(project, at: folder, to: bytes)
        }
    }

    func forgetLimit(of container: String) throws {
        let project = try read("find rootfs of container", container) {
            try UInt32.fetchOne($0, sql: "SELECT project FROM rootfs WHERE container = ?", arguments: [container])
        }
        // Nobody else has the number; where the disk has no quotas any more, there is no limit.
        if let project { try? ProjectQuota.limit(project, at: paths.containers, to: 0) }
    }
}
