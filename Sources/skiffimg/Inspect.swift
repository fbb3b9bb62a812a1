// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Describe an image as JSON.",
        discussion: """
            A name or id is looked up in the store first and then in its registry; with a transport it is read where it \
            is. Nothing is pulled.
            """)

    @OptionGroup var image: ReadOptions
    @Flag(help: "Print the manifest as it is.")
    var raw = false

    func run() async throws {
        try await image.read { origin, options in
            if raw {
                return Output.bytes(try await origin.source.manifest(origin.selector).bytes)
            }
            if let stored = origin.stored { return try Output.json(ImageDescription(stored)) }
            try Output.json(ImageDescription(await origin.resolve(options)))
        }
    }
}

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Print the configuration of an image, as it is.",
        discussion: "Its digest is the image's id.")

    @OptionGroup var image: ReadOptions

    func run() async throws {
        try await image.read { origin, options in
            Output.bytes(try await origin.resolve(options).configBytes)
        }
    }
}

struct Manifest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifest", abstract: "Print the manifest of an image, as it is.",
        discussion: "Of an index the manifest for the platform, unless --index.")

    @OptionGroup var image: ReadOptions
    @Flag(help: "Print the index, if it is one.")
    var index = false

    func run() async throws {
        try await image.read { origin, options in
            let bytes =
                index
                ? try await origin.source.manifest(origin.selector).bytes
                : try await origin.resolve(options).manifest.bytes
            Output.bytes(bytes)
        }
    }
}
