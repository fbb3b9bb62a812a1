// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import GRDB
internal import Linux
internal import OCIImageSpec

/// What the layers of a pull became.
enum FinishResult {
    case finished([FinishedLayer])
    /// This place, by chainID, needs a copy of its layer that is its alone: another place has it above other layers.
    case needsOwn(Digest)
    /// A layer that was here is not any more, and must be fetched.
    case gone
}

extension ImageStore {
    /// Ends the layers of an image that need those below them, lowest first, because each may be below the next. `staged`
    /// has them by chainID; a layer that comes twice is there once. `empty` is a directory for what overlayfs needs.
    /// Blocks.
    func finish(
        _ staged: [Digest: StagedLayer], of image: ImageResolution, in empty: StagingDirectory
    ) throws -> FinishResult {
        let present = try presentLayers()
        var stack = LayerStack()
        for layer in image.layers {
            if let own = staged[layer.chainID] {
                let result = try own.unpacked.finish(as: layer.chainID) {
                    try lowerTree(stack, empty)
                }
                guard let result else { return .needsOwn(layer.chainID) }
                let id = own.unpacked.isDependent ? layer.chainID : layer.diffID
                stack.add(
                    FinishedLayer(
                        staged: own, id: id, format: own.unpacked.format.name, summary: result.summary,
                        pendingFlush: result.pendingFlush))
            } else if let id = present.id(of: layer) {
                stack.add(id)
            } else if let same = stack.finished.values.first(where: { $0.diffID == layer.diffID }) {
                guard !same.isDependent else { return .needsOwn(layer.chainID) }
                stack.add(same.id)
            } else {
                return .gone
            }
        }
        return .finished(Array(stack.finished.values))
    }

    /// Layers over each other; nil without any.
    private func lowerTree(_ stack: LayerStack, _ empty: StagingDirectory) throws -> LowerTree? {
        let roots = try stack.topmostFirst.map { try root(of: $0, staged: stack.finished[$0]) }
        guard let top = roots.first else { return nil }
        guard roots.count > 1 else { return LowerTree(top.descriptor) }
        let overlay = try OverlayMount.readOnly(ImageLayers(roots), emptyDirectories: "\(empty.path)/empty")
            .create(for: "layers")
        return LowerTree(SharedFD(overlay))
    }

    /// The root of a layer below: where it was staged, or in the store once a pull has moved it there.
    private func root(of id: Digest, staged: FinishedLayer?) throws -> LayerRoot {
        if let staged {
            do { return try LayerFormats.named(staged.format).root(of: staged.path) } catch {
                guard !Syscall.exists(staged.path) else { throw error }
            }
        }
        // Without the lock, a layer between its move and its row would be nowhere.
        let lock = try StoreLock.take(paths.lock, exclusive: false)
        defer { _ = lock }
        let name = try read("find layer", id.description) {
            try String.fetchOne($0, sql: "SELECT format FROM layers WHERE id = ?", arguments: [id.description])
        }
        guard let name else { throw LayerGone() }
        return try LayerFormats.named(name).root(of: paths.layer(id, format: name))
    }
}

/// A layer that was here has been removed.
struct LayerGone: Error {}

/// The layers of an image up to some place, by id.
private struct LayerStack {
    private var ids: [Digest] = []
    /// Those that are not in the store yet.
    private(set) var finished: [Digest: FinishedLayer] = [:]

    mutating func add(_ id: Digest) { ids.append(id) }

    mutating func add(_ layer: FinishedLayer) {
        ids.append(layer.id)
        finished[layer.id] = layer
    }

    /// overlayfs refuses a directory twice. A layer that comes again higher up hides its lower occurrence entirely.
    var topmostFirst: [Digest] {
        var seen: Set<Digest> = []
        return ids.reversed().filter { seen.insert($0).inserted }
    }
}
