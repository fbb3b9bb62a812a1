// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ArgumentParser
internal import EngineConfiguration
internal import ImageStore
internal import OCIImageSpec
internal import Registry

/// Where the store is.
struct StoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("The directory of the store, in place of the configured one.", valueName: "dir"))
    var root: String?
    @Option(help: ArgumentHelp("The directory for mounts, in place of the configured one.", valueName: "dir"))
    var runRoot: String?

    func configuration() throws -> DaemonConfig { try DaemonConfig.load(config) }

    func open() throws -> ImageStore {
        let configuration = try configuration()
        return try ImageStore(root: root ?? configuration.root, run: runRoot ?? configuration.run)
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

    func platform() throws -> Platform {
        let configured = try store.configuration().image.platform
        let text = platformText ?? (configured.isEmpty ? nil : configured)
        return try text.map { try Platform(parsing: $0) } ?? .current
    }
}
