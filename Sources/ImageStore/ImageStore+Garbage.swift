// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec

/// What garbage collection removed.
package struct GarbageReport: Hashable, Sendable, Encodable {
    /// Images without a tag, or all that nothing uses.
    package var images: [Digest] = []
    /// Layers and documents that no image has any more, and damaged ones that were set aside.
    package var items = 0
    /// Bytes that this gave back, as far as they are on record.
    package var bytes: UInt64 = 0
}

extension ImageStore {
    /// Removes images that have no tag, with `all` every image, but neither one that is in use nor one that is pinned;
    /// and what no image needs. Blocks.
    package func collectGarbage(all: Bool = false) throws -> GarbageReport {
        var report = GarbageReport()
        let before = try usage().bytes
        for image in try images(withDamaged: true) where all || image.repoTags.isEmpty {
            guard !image.isPinned else { continue }
            do {
                try remove(image.id)
                report.images.append(image.id)
            } catch let error as ImageStoreError where error.code == .inUse || error.code == .notFound {
                // A container uses it, or somebody else was faster.
            }
        }
        var trash = try discardUnreferenced { _ in }
        for name in try entries(paths.quarantine) where try !isInUse(quarantined: name) {
            trash.append(try discard("\(paths.quarantine)/\(name)"))
        }
        report.items = trash.count
        try removeTrash(trash)
        let after = try usage().bytes
        report.bytes = before > after ? before - after : 0
        return report
    }

    /// A container that was mounted before may still have its files from what is set aside. The name begins with the
    /// digest.
    private func isInUse(quarantined name: String) throws -> Bool {
        let hex = String(name.prefix { $0 != "-" })
        return try read("find users of", name) { database in
            try Bool.fetchOne(
                database,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM image_layers WHERE substr(layer, instr(layer, ':') + 1) = ?
                            AND image IN (SELECT image FROM rootfs UNION SELECT image FROM image_mounts))
                    """, arguments: [hex]) ?? false
        }
    }

    /// Removes what processes that died have left: staging directories without owner and what was recorded for them,
    /// layers and documents without a row, and the trash.
    func collectGarbage() throws {
        do {
            let lock = try StoreLock.take(paths.lock, exclusive: true)
            defer { _ = lock }
            for name in try entries(paths.staging) where StagingDirectory.isAbandoned("\(paths.staging)/\(name)") {
                _ = try discard("\(paths.staging)/\(name)")
            }
            try forgetAbandonedMounts()
            let known = try knownFiles()
            for algorithm in Digest.Algorithm.allCases.map(\.rawValue) {
                for directory in [paths.layers, paths.content].map({ "\($0)/\(algorithm)" }) {
                    for name in try entries(directory) where !known.contains("\(directory)/\(name)") {
                        _ = try discard("\(directory)/\(name)")
                    }
                }
            }
        }
        try removeTrash(try entries(paths.trash).map { "\(paths.trash)/\($0)" })
    }

    /// Every file and directory that a row stands for.
    private func knownFiles() throws -> Set<String> {
        let paths = paths
        return try read("check layers", paths.images) { database in
            let layers = try Row.fetchAll(database, sql: "SELECT id, format FROM layers").map {
                paths.layer(try Digest(parsing: $0["id"]), format: $0["format"])
            }
            let content = try String.fetchAll(database, sql: "SELECT digest FROM content").map {
                paths.content(try Digest(parsing: $0))
            }
            return Set(layers + content)
        }
    }

    /// Images are held for the time of an operation by a row that names its staging directory.
    private func forgetAbandonedMounts() throws {
        let alive = Set(try entries(paths.staging))
        try write("forget mounts below", paths.images) { database in
            let names = try String.fetchAll(
                database, sql: "SELECT DISTINCT staging FROM image_mounts WHERE staging IS NOT NULL")
            for name in names where !alive.contains(name) {
                try database.execute(sql: "DELETE FROM image_mounts WHERE staging = ?", arguments: [name])
            }
        }
    }
}
