// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Describe an image as JSON.",
        discussion: """
            A name or id is looked up in the store first and then in its registry; with a transport it is read where it \
            is. Nothing is pulled.
            """)

    @OptionGroup var options: SourceOptions
    @Flag(help: "Print the manifest as it is.")
    var raw = false
    @Flag(help: "Print JSON, as is always done.")
    var json = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    func run() async throws {
        try await ImageOrigin.with(ImageName(parsing: image), options) { origin in
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
        abstract: "Print the configuration of an image, as it is.", discussion: "Its digest is the image's id.")

    @OptionGroup var options: SourceOptions
    @Flag(help: "Print JSON, as is always done.")
    var json = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    func run() async throws {
        try await ImageOrigin.with(ImageName(parsing: image), options) { origin in
            Output.bytes(try await origin.resolve(options).configBytes)
        }
    }
}

struct Manifest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifest", abstract: "Print the manifest of an image, as it is.",
        discussion: "Of an index the manifest for the platform, unless --index.")

    @OptionGroup var options: SourceOptions
    @Flag(help: "Print the index, if it is one.")
    var index = false
    @Flag(help: "Print JSON, as is always done.")
    var json = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    func run() async throws {
        try await ImageOrigin.with(ImageName(parsing: image), options) { origin in
            let bytes =
                index
                ? try await origin.source.manifest(origin.selector).bytes
                : try await origin.resolve(options).manifest.bytes
            Output.bytes(bytes)
        }
    }
}
