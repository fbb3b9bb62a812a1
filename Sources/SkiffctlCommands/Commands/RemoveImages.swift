// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

struct RemoveImages: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "rmi", abstract: "Remove images.")

    @Flag(name: .shortAndLong, help: "Remove all images; with --prune those that it means.")
    var all = false
    @Flag(name: [.customShort("q"), .long], help: "Remove images that no container uses and that are not pinned.")
    var prune = false
    @Argument(help: "Names or ids of images.")
    var images: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard images.isEmpty != (all || prune) else { return }
        throw ValidationError("Give names or ids of images, or --all, or --prune.")
    }

    func run(_ engine: Engine) async throws {
        if images.isEmpty {
            try await forEach(try await prune ? unused(engine) : engine.listImages()) { image in
                try await remove(image, by: image.id, engine)
            }
        } else {
            try await forEach(images) { name in
                try await remove(try await engine.imageStatus(name, for: "remove"), by: name, engine)
            }
        }
    }

    private func unused(_ engine: Engine) async throws -> [Runtime_V1_Image] {
        let used = Set(try await engine.containers().flatMap { [$0.imageID, $0.imageRef, $0.image.image] })
        return try await engine.listImages().filter { image in
            !image.pinned && used.isDisjoint(with: [image.id] + image.repoTags + image.repoDigests)
        }
    }

    private func remove(_ image: Runtime_V1_Image, by name: String, _ engine: Engine) async throws {
        var request = Runtime_V1_RemoveImageRequest()
        request.image.image = name
        _ = try await engine.call("remove image", name, patience: .work(0)) {
            try await engine.images.removeImage(request, options: $0)
        }
        let names = [image.repoTags, image.repoDigests].first { !$0.isEmpty } ?? [image.id]
        for name in names { try Console.print("Deleted: \(name)") }
    }
}
