// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "pull", abstract: "Bring an image into the store.")

    @OptionGroup var options: SourceOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("The name in the store, in place of the image's own.", valueName: "name"))
    var name: String?
    @Flag(help: "Keep the compressed layers too, to push or save the image without its registry.")
    var keepBlobs = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    func run() async throws {
        try await ImageOrigin.with(ImageName(parsing: image), options, elsewhere: true) { origin in
            let reference = try name.map { try Reference(parsing: $0) } ?? origin.reference
            let pulled = try await options.pull(
                origin, as: reference, keepsBlobs: keepBlobs ? true : nil, output.bar())
            if output.json { return try Output.json(ImageDescription(pulled)) }
            if !output.quiet {
                Output.error(
                    "\(reference): \(Output.size(pulled.size)) in \(Output.count(pulled.layers.count, "layer")), "
                        + "\(pulled.manifest)")
            }
            Output.line(pulled.id.description)
        }
    }
}

extension SourceOptions {
    /// Brings an image into the store.
    func pull(
        _ origin: ImageOrigin, as reference: Reference, keepsBlobs: Bool?, _ bar: ProgressBar?
    ) async throws -> Image {
        async let opening = store.openedForPull()
        defer { bar?.finish() }
        let image = try await origin.resolve(self)
        return try await opening.pull(image, as: reference, from: origin.source, keepsBlobs: keepsBlobs) {
            bar?.show($0)
        }
    }
}
