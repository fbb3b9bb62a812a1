// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import ImageStore
internal import Linux
internal import OCIImageSpec

struct Save: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "save", abstract: "Write images to one archive.")

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case dockerArchive = "docker-archive"
        case ociArchive = "oci-archive"
    }

    @OptionGroup var options: SourceOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "docker-archive, which \"docker load\" reads, or oci-archive, in which digests survive.")
    var format = Format.dockerArchive
    @Option(
        name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("The archive.", valueName: "file"),
        completion: .file())
    var file: String
    @Argument(help: ArgumentHelp("The images.", valueName: "REF"))
    var images: [String]

    func run() async throws {
        let destination: any ImageDestination =
            switch format {
            case .dockerArchive: try DockerArchiveDestination(path: file)
            case .ociArchive: try LayoutArchiveDestination(path: file)
            }
        let bar = output.bar()
        defer { bar?.finish() }
        let digests = try await destination.completing {
            var digests: [Digest] = []
            for image in images {
                let fetched = try await ImageOrigin.with(ImageName(parsing: image), options) { origin in
                    let copy = ImageCopy(
                        from: origin.source, to: destination, platform: try options.platform(),
                        isDemanded: options.demandsPlatform, name: image
                    ) { bar?.show($0) }
                    return try await copy.run(origin.selector, as: tags(origin))
                }
                digests.append(fetched.digest)
            }
            return digests
        }
        bar?.finish()
        if output.json { return try Output.json(digests) }
        if !output.quiet {
            for digest in digests { Output.line(digest.description) }
        }
    }

    /// An image of the store keeps all its names, unless it was asked for by one.
    private func tags(_ origin: ImageOrigin) -> [String] {
        let name = origin.reference.tagged ?? ""
        return origin.stored.map { $0.repoTags.isEmpty ? [""] : $0.repoTags } ?? [name]
    }
}

struct Load: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Bring the images of an archive into the store.",
        discussion: "The archive is what \"save\", \"docker save\" or \"podman save\" wrote, in either format.")

    @OptionGroup var options: SourceOptions
    @OptionGroup var output: OutputOptions
    @Option(
        name: .shortAndLong, help: ArgumentHelp("The archive.", valueName: "file"), completion: .file())
    var input: String
    @Flag(help: "Keep the layers as they are in the archive too, to push or save the images again.")
    var keepBlobs = false

    func run() async throws {
        let folder = try await ImageOrigin.unpack(input)
        let transport = Syscall.exists("\(folder.path)/oci-layout") ? "oci-archive" : "docker-archive"
        let loaded: [Image]
        do {
            try await options.admit(transport, input)
            loaded = try await load(folder)
        } catch {
            // The first failure is the one to tell.
            try? await BlockingPool.run { () throws in try folder.remove() }
            throw error
        }
        try await BlockingPool.run { () throws in try folder.remove() }
        if output.json { return try Output.json(loaded.map { ImageDescription($0) }) }
        for image in loaded { Output.line(image.repoTags.first ?? image.id.description) }
    }

    private func load(_ folder: ArchiveFolder) async throws -> [Image] {
        let directory = folder.path
        let store = try await options.store.opened()
        let bar = output.bar()
        defer { bar?.finish() }
        let keepsBlobs = keepBlobs ? true : nil
        func pull(_ source: some BlobSource, _ reference: Reference) async throws -> Image {
            try await store.pull(
                reference, from: source, platform: options.platform(), isDemanded: options.demandsPlatform,
                keepsBlobs: keepsBlobs
            ) { bar?.show($0) }
        }
        if Syscall.exists("\(directory)/oci-layout") {
            var images: [Image] = []
            for tag in try LayoutSource(directory: directory, isUnpacked: true).tags() {
                let source = try LayoutSource(directory: directory, tag: tag, isUnpacked: true)
                images.append(try await pull(source, try ImageName.localReference(input, tag)))
            }
            return images
        }
        var images: [Image] = []
        for place in 0..<(try folder.naming(input) { try DockerArchiveSource.count(directory) }) {
            let source = try folder.naming(input) { try DockerArchiveSource(directory: directory, place: place) }
            let names = source.repoTags.isEmpty ? [nil] : source.repoTags.map { $0 as String? }
            for name in names {
                let reference = try name.map { try Reference(parsing: $0) } ?? ImageName.localReference(input, nil)
                images.append(try await pull(source, reference))
            }
        }
        return images
    }
}
