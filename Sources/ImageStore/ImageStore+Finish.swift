// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import GRDB
internal import Linux
internal import OCIImageSpec

/// A layer that was there is not any more, and must be fetched.
struct LayerGone: Error {}

extension ImageStore {
    /// Ends the layers of an image that need those below them, lowest first, because each may be below the next. `empty`
    /// is a directory for what overlayfs needs. Throws `LayerGone` when a layer below was removed meanwhile. Blocks.
    func finish(
        _ layers: [StagedLayer], of image: ImageResolution, in empty: StagingDirectory
    ) throws -> [FinishedLayer] {
        let staged = Dictionary(layers.map { ($0.diffID, $0) }, uniquingKeysWith: { first, _ in first })
        var finished: [Digest: FinishedLayer] = [:]
        for (position, layer) in image.layers.enumerated() where finished[layer.diffID] == nil {
            guard let staged = staged[layer.diffID] else { continue }
            let result = try staged.unpacked.finish { needs in
                var seen: Set<Digest> = []
                let below = image.layers[..<position].map(\.diffID).reversed().filter { seen.insert($0).inserted }
                return try lowerTree(needs == .root ? Array(below.prefix(1)) : below, finished, empty)
            }
            finished[layer.diffID] = FinishedLayer(
                staged: staged, format: staged.unpacked.format.name, bytes: result.summary.bytes,
                inodes: result.summary.inodes, checksum: result.checksum, isFlushed: result.isFlushed)
        }
        return Array(finished.values)
    }

    /// The root of a layer below: where it was staged, or in the store once a pull has moved it there.
    private func root(of diffID: Digest, staged: FinishedLayer?) throws -> LayerRoot {
        if let staged {
            do { return try LayerFormats.named(staged.format).root(of: staged.path) } catch {
                guard !Syscall.exists(staged.path) else { throw error }
            }
        }
        // Without the lock, a layer between its move and its row would be nowhere.
        let lock = try StoreLock(paths.lock, exclusive: false)
        defer { _ = lock }
        let name = try read("find layer", diffID.description) {
            try String.fetchOne(
                $0, sql: "SELECT format FROM layers WHERE diff_id = ?", arguments: [diffID.description])
        }
        guard let name else { throw LayerGone() }
        return try LayerFormats.named(name).root(of: paths.layer(diffID, format: name))
    }

    /// Layers over each other, topmost first; nil without any.
    private func lowerTree(
        _ layers: [Digest], _ finished: [Digest: FinishedLayer], _ empty: StagingDirectory
    ) throws -> LowerTree? {
        let roots = try layers.map { try root(of: $0, staged: finished[$0]) }
        guard let top = roots.first else { return nil }
        guard roots.count > 1 else { return LowerTree(top.descriptor) }
        let overlay = try OverlayMount.readOnly(roots, emptyDirectories: "\(empty.path)/empty").create(for: "layers")
        return LowerTree(SharedFD(overlay))
    }
}
