// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import EngineConfiguration
internal import FoundationEssentials
internal import ImageSources
internal import ImageStore
internal import Linux
internal import OCIImageSpec
internal import Registry
internal import Synchronization

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
    @Option(help: "How new layers are kept; erofs where the kernel can mount it.")
    var layerFormat: LayerFormats?

    func configuration() throws -> DaemonConfig { try DaemonConfig.load(config) }

    /// Opens the store; blocks.
    func open() throws -> ImageStore {
        let configuration = try configuration()
        var settings = StoreSettings(root: root ?? configuration.root, run: runRoot ?? configuration.run)
        // With a root of its own, a store has nothing to do with the configured place of the layers.
        let configured = configuration.image.root
        settings.images = imageRoot ?? (root == nil && !configured.isEmpty ? configured : nil)
        settings.format = layerFormat
        settings.keepsBlobs = configuration.image.keepBlobs
        settings.pinned = PinnedImages(configuration.image.pinned)
        let store = try ImageStore(settings)
        Self.opened.withLock { $0.append(store) }
        return store
    }

    /// Never closed: whoever closes a database last copies its log into it and waits for the disk, for which the end of a
    /// command is a bad moment. The log is as good, and is copied when it gets long.
    private static let opened = Mutex<[ImageStore]>([])

    /// The same for tasks.
    func opened() async throws -> ImageStore { try await BlockingPool.run { () throws in try open() } }

    /// The same for a pull, for which the store makes itself ready while the registry is asked.
    func openedForPull() async throws -> ImageStore {
        let store = try await opened()
        Task { await BlockingPool.run { store.prepareForPull() } }
        return store
    }

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
        let isDamaged = try await BlockingPool.run { () throws in try open().imageID(name) != nil }
        throw ImageStoreError(
            .notFound, "find image", name,
            isDamaged ? "it is damaged; \"check --repair\" fetches it again" : "no such image in the store")
    }
}

extension LayerFormats: ExpressibleByArgument {}

/// How images are fetched.
struct SourceOptions: ParsableArguments {
    @Option(
        name: .customLong("insecure-registry"),
        help: ArgumentHelp(
            "A registry to be spoken to without TLS or without a known certificate. May be repeated.",
            valueName: "host[:port]"))
    var insecureRegistries: [String] = []
    @Option(help: ArgumentHelp("A file of credentials, searched before the configured ones.", valueName: "file"))
    var authfile: String?
    @Option(help: ArgumentHelp("Credentials for the registry, in place of those in files.", valueName: "user:password"))
    var creds: String?
    @Option(help: ArgumentHelp("Which images may be used, in place of the configured policy.", valueName: "file"))
    var policy: String?
    @Option(
        help: ArgumentHelp("Mirrors and short names, in place of the configured registries.conf.", valueName: "file"))
    var registriesConf: String?
    @Option(
        name: .customLong("platform"),
        help: ArgumentHelp(
            "Which image of an index is meant; one that is for another platform is refused.",
            valueName: "os/arch[/variant]"))
    var platformText: String?
    @OptionGroup var store: StoreOptions

    /// Images in registries, as the configuration and the options say.
    func sources() throws -> ImageSources {
        var settings = ImageSourceSettings(
            try store.configuration(), environment: ProcessInfo.processInfo.environment)
        settings.insecureRegistries.formUnion(insecureRegistries)
        // They belong to the images of one store.
        if let root = store.root { settings.keptSignatures = "\(root)/signatures" }
        if let authfile { settings.credentialFiles.insert(authfile, at: 0) }
        if let policy { settings.policy = policy }
        if let registriesConf { settings.registriesConf = registriesConf }
        return ImageSources(settings)
    }

    /// What `--creds` says.
    func credentials() throws -> RegistryCredentials? {
        guard let creds else { return nil }
        guard let colon = creds.firstIndex(of: ":") else {
            throw ValidationError("--creds is not of the form user:password")
        }
        return .password(user: String(creds[..<colon]), password: String(creds[creds.index(after: colon)...]))
    }

    /// Access to a repository for reading, as registries.conf and the policy allow it.
    func client(_ reference: Reference) async throws -> any BlobSource {
        try await sources().source(reference, credentials: credentials())
    }

    /// Throws when the policy does not allow what is at a path.
    func admit(_ transport: String, _ path: String) async throws {
        let absolute = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        try await sources().admit(transport: transport, path: absolute)
    }

    /// Access to a repository for writing.
    func pusher(_ reference: Reference) async throws -> any BlobDestination {
        try await sources().destination(reference, credentials: credentials())
    }

    /// What a name means in registries: of several that a short name may stand for, the first that exists.
    func reference(_ text: String) async throws -> Reference {
        let found = try await sources().references(text)
        for reference in found.dropLast() {
            do {
                _ = try await sources().resolve(reference, credentials: credentials())
                return reference
            } catch is RegistryError {
                // The next one may be there; the error of the last one is told when it is opened.
            }
        }
        guard let last = found.last else { throw ValidationError("\(text) may be nowhere") }
        return last
    }

    /// Whether the platform was asked for, and is not just that of this machine.
    var demandsPlatform: Bool { platformText != nil }

    func platform() throws -> Platform {
        let configured = try store.configuration().image.platform
        let text = platformText ?? (configured.isEmpty ? nil : configured)
        return try text.map { try Platform(parsing: $0) } ?? .current
    }
}

/// One image that is looked at, wherever it is.
struct ReadOptions: ParsableArguments {
    @OptionGroup var options: SourceOptions
    @Flag(help: "Print JSON, as is always done for documents.")
    var json = false
    @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
    var image: String

    /// Opens the image for the body.
    func read<Value>(_ body: (ImageOrigin, SourceOptions) async throws -> Value) async throws -> Value {
        try await ImageOrigin.with(ImageName(parsing: image), options) { try await body($0, options) }
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
