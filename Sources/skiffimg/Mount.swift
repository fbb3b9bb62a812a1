// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Mount: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount", abstract: "Mount an image of the store read-only, and print where.",
        discussion: "It stays, and the image cannot be removed, until \"umount\". Without REF all mounts are listed.")

    @OptionGroup var store: StoreOptions
    @Flag(help: "Print JSON.")
    var json = false
    @Option(help: ArgumentHelp("A directory or file in the image, in place of all of it.", valueName: "path"))
    var subPath = ""
    @Option(help: ArgumentHelp("What the mount is called, in place of the image's id.", valueName: "name"))
    var name: String?
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String?

    func run() throws {
        let store = try store.open()
        guard let image else {
            let mounts = try store.imageMounts()
            if json { return try Output.json(mounts) }
            return Output.table(
                [["NAME", "IMAGE ID", "PATH"]] + mounts.map { [$0.id, String($0.image.hex.prefix(12)), $0.path] })
        }
        guard let found = try store.image(image) else {
            throw ImageStoreError(.notFound, "mount image", image, "no such image in the store")
        }
        let id = name ?? found.id.hex
        let path = try store.mountImage(found.id, subPath: subPath, as: id)
        if json { return try Output.json(ImageMount(id: id, image: found.id, subPath: subPath, path: path)) }
        Output.line(path)
    }
}

struct Umount: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "umount", abstract: "Undo \"mount\".", aliases: ["unmount"])

    @OptionGroup var store: StoreOptions
    @Flag(help: "Print the names of what was unmounted as JSON.")
    var json = false
    @Flag(name: .shortAndLong, help: "Unmount all images.")
    var all = false
    @Argument(help: ArgumentHelp("Names of mounts, or images.", valueName: "NAME"))
    var names: [String] = []

    func validate() throws {
        if names.isEmpty != all { throw ValidationError("Name what to unmount, or say --all.") }
    }

    func run() throws {
        let store = try store.open()
        let mounts = try store.imageMounts()
        let ids =
            try all
            ? mounts.map(\.id)
            : names.map { name in
                if mounts.contains(where: { $0.id == name }) { return name }
                let image = try store.imageID(name)
                guard let mount = mounts.first(where: { $0.image == image }) else {
                    throw ImageStoreError(.notFound, "unmount", name, "no image is mounted under this name")
                }
                return mount.id
            }
        for id in ids {
            try store.unmountImage(id)
            if !json { Output.line(id) }
        }
        if json { try Output.json(ids) }
    }
}
