// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec
internal import Synchronization

/// A layer of which everything is on disk that its archive has. It is finished at once when it needs nothing else, and
/// otherwise when the layers below it are there.
///
/// ## Concurrency model
/// The writer is used by one thread after the other: by the one that unpacks, and then under the mutex by whoever comes
/// first to finish the layer.
// Unchecked: see above.
final class UnpackedLayer: @unchecked Sendable {
    /// What is recorded of a finished layer.
    struct Result: Sendable {
        var summary: LayerSummary
        var checksum: String
        /// It survives a loss of power already.
        var isFlushed: Bool
    }

    let format: any LayerFormat
    private let path: String
    private let writer: any LayerWriter
    private let finished = Mutex<Result?>(nil)

    /// Unpacks an archive to the path. Blocks.
    init(_ reader: LayerReader, to path: String, as format: any LayerFormat, diffID: Digest) throws {
        self.path = path
        self.format = format
        writer = try format.begin(path, diffID)
        try writer.take(reader)
        if writer.needs == .nothing { _ = try finish { _ in nil } }
    }

    /// Ends the layer, unless that was done before. `below` gives as much of the layers below as is needed. Blocks.
    func finish(above below: (LowerNeeds) throws -> LowerTree?) throws -> Result {
        try finished.withLock { finished in
            if let finished { return finished }
            let summary = try writer.finish(above: writer.needs == .nothing ? nil : below(writer.needs))
            let made = Result(
                summary: summary, checksum: try format.checksum(of: path), isFlushed: try format.flush(path))
            finished = made
            return made
        }
    }
}
