// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec

/// What became of the images that were damaged.
package struct RepairReport: Sendable {
    /// Whole again.
    package var repaired: [Digest] = []
    /// Still damaged, and why.
    package var failed: [(image: Digest, reason: String)] = []

    /// Nothing was damaged.
    package init() {}
}

extension ImageStore {
    /// Fetches what is damaged again, and nothing else, from the repositories the images came from. `source` gives access
    /// to a repository. Throws only when the task is cancelled or the store itself fails.
    package func repair(
        source: @Sendable (Reference) async throws -> any BlobSource,
        progress: (@Sendable (PullProgress) -> Void)? = nil
    ) async throws -> RepairReport {
        var report = RepairReport()
        let damaged = try await BlockingPool.run { () throws in
            try self.read("list damaged images", self.paths.images) { try ImageRow.all($0).filter(\.isDamaged) }
        }
        for row in damaged {
            let id = try Digest(parsing: row.id)
            do {
                try await repair(row, id, source, progress)
                report.repaired.append(id)
            } catch {
                try Task.checkCancellation()
                report.failed.append((id, "\(error)"))
            }
        }
        return report
    }

    private func repair(
        _ row: ImageRow, _ id: Digest, _ source: @Sendable (Reference) async throws -> any BlobSource,
        _ progress: (@Sendable (PullProgress) -> Void)?
    ) async throws {
        let references = row.digests.compactMap { try? Reference(parsing: $0) }
            .filter { $0.digest?.description == row.manifest && $0.domain != "localhost" }
        var failure: any Error = ImageStoreError(
            .notFound, "repair image", row.tags.first ?? row.id,
            "it came from no registry; pull it again from where it was")
        for reference in references {
            do {
                let found = try await pull(reference, from: source(reference), platform: .current, progress: progress)
                guard found.id != id else { return }
                failure = ImageStoreError(.invalid, "repair image", row.id, "\(reference) is another image now")
            } catch {
                try Task.checkCancellation()
                failure = error
            }
        }
        throw failure
    }
}
