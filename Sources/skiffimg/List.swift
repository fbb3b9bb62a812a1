// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the images of the store.", aliases: ["ls", "images"])

    @OptionGroup var store: StoreOptions
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(name: .shortAndLong, help: "Print only the ids.")
    var quiet = false
    @Flag(help: "Show the layers of each image, their sizes, and which of them other images have too.")
    var tree = false

    func run() throws {
        let store = try store.open()
        let images = try store.images()
        if json {
            try Output.json(images.map { ImageDescription($0) })
        } else if quiet {
            for image in images { Output.line(image.id.description) }
        } else if tree {
            for image in images { try show(image, in: store) }
        } else {
            Output.table([["NAME", "IMAGE ID", "LAYERS", "SIZE"]] + images.flatMap(Self.rows))
        }
    }

    private static func rows(_ image: Image) -> [[String]] {
        let names = image.repoTags.isEmpty ? ["<none>"] : image.repoTags
        return names.map { [$0, String(image.id.hex.prefix(12)), "\(image.layers.count)", Output.size(image.size)] }
    }

    private func show(_ image: Image, in store: ImageStore) throws {
        let names = image.repoTags.isEmpty ? "<none>" : image.repoTags.joined(separator: " ")
        Output.line(
            "\(names)  \(image.id.hex.prefix(12))  \(Output.size(image.size))\(image.isPinned ? "  pinned" : "")")
        let layers = try store.layers(of: image)
        let sizes = layers.map { Output.size($0.bytes) }
        let width = sizes.map(\.count).max() ?? 0
        for (index, layer) in layers.enumerated() {
            let branch = index == layers.count - 1 ? "└──" : "├──"
            let size = String(repeating: " ", count: width - sizes[index].count) + sizes[index]
            let shared = layer.images > 1 ? "  in \(layer.images) images" : ""
            let files = Output.count(layer.inodes, "file")
            Output.line("\(branch) \(size)  \(layer.diffID.hex.prefix(12))  \(layer.format), \(files)\(shared)")
        }
    }
}
