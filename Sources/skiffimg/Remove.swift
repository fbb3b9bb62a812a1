// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove images with all their names, and the layers nobody else needs.")

    @OptionGroup var store: StoreOptions
    @Argument(help: ArgumentHelp("Names or ids of images in the store.", valueName: "REF"))
    var images: [String]

    func run() throws {
        let store = try store.open()
        for name in images {
            guard let image = try store.image(name) else {
                throw ImageStoreError(.notFound, "remove image", name, "no such image in the store")
            }
            try store.remove(image.id)
            Output.line(image.id.description)
        }
    }
}
