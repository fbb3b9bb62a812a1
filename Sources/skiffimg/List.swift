// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the images of the store.", aliases: ["ls"])

    @OptionGroup var store: StoreOptions
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(name: .shortAndLong, help: "Print only the ids.")
    var quiet = false

    func run() throws {
        let images = try store.open().images()
        if json {
            try Output.json(images.map { ImageDescription($0) })
        } else if quiet {
            for image in images { Output.line(image.id.description) }
        } else {
            Output.table([["NAME", "IMAGE ID", "LAYERS", "SIZE"]] + images.flatMap(Self.rows))
        }
    }

    private static func rows(_ image: Image) -> [[String]] {
        let names = image.repoTags.isEmpty ? ["<none>"] : image.repoTags
        return names.map { [$0, String(image.id.hex.prefix(12)), "\(image.layers.count)", Output.size(image.size)] }
    }
}
