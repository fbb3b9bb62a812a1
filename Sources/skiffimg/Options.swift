// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import EngineConfiguration
internal import ImageStore
internal import Linux
internal import OCIImageSpec
internal import Registry

/// Where the store is.
struct StoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"), completion: .file())
    var config: String?
    @Option(
        help: ArgumentHelp("The directory of the store, in place of the configured one.", valueName: "dir"),
        completion: .directory)
    var root: String?
    @Option(
        help: ArgumentHelp("The directory for mounts, in place of the configured one.", valueName: "dir"),
        completion: .directory)
    var runRoot: String?
    @Option(
        help: ArgumentHelp("The directory of the layers, in place of the configured one.", valueName: "dir"),
        completion: .directory)
    var imageRoot: String?

    func configuration() throws -> DaemonConfig { try DaemonConfig.load(config) }

    /// Opens the store; blocks.
    func open() throws -> ImageStore {
        let configuration = try configuration()
        var settings = StoreSettings(root: root ?? configuration.root, run: runRoot ?? configuration.run)
        // With a root of its own, a store has nothing to do with the configured place of the layers.
        let configured = configuration.image.root
        settings.images = imageRoot ?? (root == nil && !configured.isEmpty ? configured : nil)
        settings.keepsBlobs = configuration.image.keepBlobs
        settings.pinned = PinnedImages(configuration.image.pinned)
        return try ImageStore(settings)
    }

    /// The same for tasks.
    func opened() async throws -> ImageStore { try await BlockingPool.run { () throws in try open() } }

    /// The image of that name in the store, with the store.
    func find(_ name: String) async throws -> (ImageStore, Image)? {
        try await BlockingPool.run { () throws in
            let store = try open()
            return try store.image(name).map { (store, $0) }
        }
    }

    /// The same for what must be there.
    func require(_ name: String) async throws -> (ImageStore, Image) {
        if let found = try await find(name) { return found }
        throw ImageStoreError(.notFound, "find image", name, "no such image in the store")
    }
}

/// How images are fetched.
struct SourceOptions: ParsableArguments {
    @Option(
        name: .customLong("insecure-registry"),
        help: ArgumentHelp(
            "A registry to be spoken to without TLS or without a known certificate. May be repeated.",
            valueName: "host[:port]"))
    var insecureRegistries: [String] = []
    @Option(
        name: .customLong("platform"),
        help: ArgumentHelp("Which image of an index is meant.", valueName: "os/arch[/variant]"))
    var platformText: String?
    @OptionGroup var store: StoreOptions

    func registries() throws -> Registries {
        var settings = RegistrySettings()
        settings.insecure = Set(try store.configuration().image.insecureRegistries + insecureRegistries)
        return Registries(settings)
    }

    /// Access to a repository for reading.
    func client(_ reference: Reference) async throws -> any BlobSource { try registries().client(reference) }

    /// Access to a repository for writing.
    func pusher(_ reference: Reference) async throws -> any BlobDestination {
        throw ImageSpecError(.unsupported, "push", reference.description, "not yet")
    }

    func platform() throws -> Platform {
        let configured = try store.configuration().image.platform
        let text = platformText ?? (configured.isEmpty ? nil : configured)
        return try text.map { try Platform(parsing: $0) } ?? .current
    }
}

/// How the outcome is told.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print the outcome as JSON.")
    var json = false
    @Flag(name: .shortAndLong, help: "Show no progress.")
    var quiet = false

    func bar() -> ProgressBar? { quiet ? nil : ProgressBar() }
}
