// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec
internal import Synchronization

/// A layer of which everything is on disk that its archive has. It is finished at once when it needs nothing else, and
/// otherwise when the layers below it are there: then it is good above them and above no others.
///
/// ## Concurrency model
/// The writer is used by one thread after the other: by the one that unpacks, and then under the mutex by whoever comes
/// first to finish the layer.
// Unchecked: one thread after the other has the writer, the later ones under the mutex.
final class UnpackedLayer: @unchecked Sendable {
    /// What is recorded of a finished layer.
    struct Result: Sendable {
        var summary: LayerSummary
        /// What it lacks to survive a loss of power.
        var pendingFlush: PendingFlush
    }

    let format: any LayerFormat
    private let path: String
    private let writer: any LayerWriter
    /// Whether it depends on the layers below.
    let isDependent: Bool
    private let state = Mutex(State.unpacked)

    private enum State {
        case unpacked
        case finished(Result, above: Digest)
        /// Half of it is done, and above layers that may be another's: it is of no use to anybody.
        case failed
    }

    /// Unpacks an archive to the path. Blocks.
    init(_ reader: LayerReader, to path: String, as format: any LayerFormat, diffID: Digest) throws {
        self.path = path
        self.format = format
        writer = try format.begin(path, diffID)
        try writer.take(reader)
        isDependent = writer.needsLower
        if !isDependent { _ = try finish(as: diffID) { nil } }
    }

    /// Ends the layer, unless that was done before. `chainID` says which layers are below, and `below` gives them where
    /// they are needed. Nil when it was finished above others and depends on them, or when that failed: then another copy is
    /// needed. Blocks.
    func finish(as chainID: Digest, above below: () throws -> LowerTree?) throws -> Result? {
        try state.withLock { state in
            switch state {
            case .finished(let result, let above): return !isDependent || above == chainID ? result : nil
            case .failed: return nil
            case .unpacked:
                let lower = isDependent ? try below() : nil
                state = .failed
                let summary = try writer.finish(above: lower)
                let result = Result(summary: summary, pendingFlush: try format.flush(path, bytes: summary.bytes))
                state = .finished(result, above: chainID)
                return result
            }
        }
    }
}
