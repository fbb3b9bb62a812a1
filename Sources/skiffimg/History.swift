// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct History: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Show how the layers of an image came about, the last step first.",
        discussion: "Sizes are those on disk for an image of the store, and compressed for one elsewhere.")

    @OptionGroup var image: ReadOptions
    @Flag(help: "Print whole commands.")
    var noTrunc = false

    private struct Step: Encodable {
        var created: String?
        var createdBy: String?
        var comment: String?
        /// Nothing for a step that left no layer.
        var layer: Digest?
        var size: UInt64
    }

    func run() async throws {
        let steps = try await image.read { origin, options -> [Step] in
            let found = try await origin.resolve(options)
            var sizes = found.blobs.map { UInt64(clamping: $0.size) }
            if let stored = origin.stored {
                sizes = try await options.store.opened().layers(of: stored).map(\.bytes)
            }
            return Self.steps(found.config, sizes)
        }
        if image.json { return try Output.json(steps) }
        let rows = steps.map(row)
        Output.table([["CREATED", "SIZE", "LAYER", "CREATED BY", "COMMENT"]] + rows)
    }

    private func row(_ step: Step) -> [String] {
        var command = (step.createdBy ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if !noTrunc, command.count > 60 { command = command.prefix(57) + "..." }
        let created = step.created.map { String($0.prefix(19)) } ?? ""
        let layer = step.layer.map { String($0.hex.prefix(12)) } ?? ""
        return [created, Output.size(step.size), layer, command, step.comment ?? ""]
    }

    /// The last one first. A history that does not fit the layers, or none, leaves the layers alone.
    private static func steps(_ config: ImageConfig, _ sizes: [UInt64]) -> [Step] {
        let layers = Array(zip(config.rootfs.diffIDs, sizes))
        let history = config.history ?? []
        guard history.count(where: { $0.emptyLayer != true }) == layers.count else {
            return layers.reversed().map { Step(layer: $0.0, size: $0.1) }
        }
        var next = layers.makeIterator()
        return history.map { entry in
            let layer = entry.emptyLayer == true ? nil : next.next()
            return Step(
                created: entry.created, createdBy: entry.createdBy, comment: entry.comment, layer: layer?.0,
                size: layer?.1 ?? 0)
        }.reversed()
    }
}
