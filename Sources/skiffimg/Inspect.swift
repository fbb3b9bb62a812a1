// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Describe an image as JSON.",
        discussion: """
            A name or id is looked up in the store first and then in its registry; docker:// and oci: are read where
            they are. Nothing is pulled.
            """)

    @OptionGroup var options: SourceOptions
    @Flag(help: "Print the manifest as it is.")
    var raw = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    func run() async throws {
        let name = try ImageName(parsing: image)
        if case .plain(let text) = name {
            let store = try options.store.open()
            if let stored = try store.image(text) {
                return raw
                    ? Output.line(String(decoding: try store.content(stored.manifest), as: UTF8.self))
                    : try Output.json(ImageDescription(stored))
            }
        }
        let (source, reference) = try name.source(options)
        let found = try await ImageResolution(
            reference.selector, of: source, for: options.platform(), name: reference.description)
        if raw {
            Output.line(String(decoding: found.manifest.bytes, as: UTF8.self))
        } else {
            try Output.json(ImageDescription(found))
        }
    }
}
