// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import OCIImageSpec

struct Copy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy an image from one place to another.",
        discussion: "Manifests and layers keep their digests, except in docker-archive:, which has neither.")

    @OptionGroup var options: SourceOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .shortAndLong, help: "Copy all images of an index, and the index.")
    var all = false
    @Argument(help: ArgumentHelp("The image.", valueName: "SOURCE"))
    var source: String
    @Argument(help: ArgumentHelp("Where it goes.", valueName: "DESTINATION"))
    var destination: String

    func run() async throws {
        try await options.copy(source, to: ImageName(parsing: destination), destination, all: all, output)
    }
}

struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Send an image to a registry.",
        discussion: """
            Without DESTINATION it goes to the registry its name says. Layers that the store does not keep are fetched \
            from where the image came from.
            """)

    @OptionGroup var options: SourceOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .shortAndLong, help: "Send all images of an index, and the index.")
    var all = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String
    @Argument(help: ArgumentHelp("The name in the registry.", valueName: "DESTINATION"))
    var destination: String?

    func run() async throws {
        let text = destination ?? image
        var target = try ImageName(parsing: text)
        if case .plain(let name) = target { target = .registry(try Reference(parsing: name)) }
        guard case .registry = target else {
            throw ImageSpecError(.invalid, "push to", text, "it is no registry; \"copy\" writes to other places")
        }
        try await options.copy(image, to: target, text, all: all, output)
    }
}

/// What was copied.
private struct CopyOutcome: Encodable {
    var digest: Digest
    var destination: String
}

extension SourceOptions {
    fileprivate func copy(
        _ text: String, to target: ImageName, _ targetText: String, all: Bool, _ output: OutputOptions
    ) async throws {
        let digest = try await ImageOrigin.with(ImageName(parsing: text), self) { origin in
            let bar = output.bar()
            defer { bar?.finish() }
            switch try await ImageTarget(target, naming: origin.reference, self) {
            case .store(let reference):
                return try await pull(origin, as: reference, keepsBlobs: nil, bar).manifest
            case .blobs(let destination, let tag):
                let copy = ImageCopy(
                    from: origin.source, to: destination, platform: all ? nil : try platform(),
                    isDemanded: demandsPlatform, name: text
                ) { bar?.show($0) }
                return try await destination.completing { try await copy.run(origin.selector, as: [tag]) }.digest
            }
        }
        if output.json { return try Output.json(CopyOutcome(digest: digest, destination: targetText)) }
        Output.line(digest.description)
    }
}
