// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove images, and the layers nobody else needs.",
        discussion: """
            One of several tags goes alone; the last one, or an id, goes with the image and all its names. An image that \
            a container or a mount uses stays.
            """, aliases: ["rm", "rmi"])

    @OptionGroup var store: StoreOptions
    @Flag(help: "Print the outcome as JSON.")
    var json = false
    @Argument(help: ArgumentHelp("Names or ids of images in the store.", valueName: "REF"))
    var images: [String]

    private struct Outcome: Encodable {
        var id: Digest
        var untagged: String?
    }

    func run() throws {
        let store = try store.open()
        var outcomes: [Outcome] = []
        for name in images {
            guard let id = try store.imageID(name) else {
                throw ImageStoreError(.notFound, "remove image", name, "no such image in the store")
            }
            // A name that is the beginning of an id is not meant as a tag.
            if let reference = try? Reference(parsing: name), try store.untag(reference) {
                outcomes.append(Outcome(id: id, untagged: reference.description))
            } else {
                try store.remove(id)
                outcomes.append(Outcome(id: id, untagged: nil))
            }
            if !json { Output.line(outcomes.last?.untagged ?? id.description) }
        }
        if json { try Output.json(outcomes) }
    }
}

struct Tag: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "Give an image of the store further names.")

    @OptionGroup var store: StoreOptions
    @Flag(help: "Print the image as JSON.")
    var json = false
    @Argument(help: ArgumentHelp("The name or id of the image.", valueName: "REF"))
    var image: String
    @Argument(help: ArgumentHelp("The names.", valueName: "NAME"))
    var names: [String]

    func run() throws {
        let store = try store.open()
        guard let found = try store.image(image) else {
            throw ImageStoreError(.notFound, "tag image", image, "no such image in the store")
        }
        for reference in try names.map({ try Reference(parsing: $0) }) { try store.tag(found.id, as: reference) }
        if json, let now = try store.image(id: found.id) { try Output.json(ImageDescription(now)) }
    }
}
