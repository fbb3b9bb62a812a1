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
    private let finished = Mutex<(result: Result, chainID: Digest)?>(nil)

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
    /// they are needed. Nil when it was finished above others, and depends on them. Blocks.
    func finish(as chainID: Digest, above below: () throws -> LowerTree?) throws -> Result? {
        try finished.withLock { finished in
            if let finished { return !isDependent || finished.chainID == chainID ? finished.result : nil }
            let summary = try writer.finish(above: isDependent ? below() : nil)
            let result = Result(summary: summary, pendingFlush: try format.flush(path, bytes: summary.bytes))
            finished = (result, chainID)
            return result
        }
    }
}
