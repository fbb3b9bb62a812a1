// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import FoundationEssentials
import ImageSources
import Linux
import OCIImageSpec
import Registry
import TestSupport

/// A folder with files of its own in place of the machine's, and images to put into registries.
struct Bench {
    let folder: TemporaryDirectory
    var path: String { folder.path }

    init() throws {
        folder = try TemporaryDirectory()
        for name in ["certs.d", "registries.d", "policies", "lookaside"] {
            try Syscall.makeDirectories("\(folder.path)/\(name)")
        }
    }

    func write(_ name: String, _ text: String) throws {
        let path = "\(path)/\(name)"
        try Syscall.makeDirectories(path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
        try AtomicFile.write(path, text)
    }

    /// Images as the files in the folder say.
    func sources(insecure: [String] = []) -> ImageSources {
        var config = DaemonConfig()
        config.root = "\(path)/root"
        config.image.registriesConf = "\(path)/registries.conf"
        config.image.shortNameAliases = "\(path)/aliases.conf"
        config.image.certificateDirs = ["\(path)/certs.d"]
        config.image.authFiles = ["\(path)/auth.json"]
        config.image.authDir = "\(path)/auth"
        config.image.policy = "\(path)/policy.json"
        config.image.policyDir = "\(path)/policies"
        config.image.registriesDir = "\(path)/registries.d"
        config.image.insecureRegistries = insecure
        return ImageSources(ImageSourceSettings(config, environment: [:]))
    }

    /// Writes an image of one layer with these bytes to a registry, through our own client, and returns its manifest.
    @discardableResult
    func push(_ layer: [UInt8], to sources: ImageSources, as name: String) async throws -> FetchedManifest {
        let memory = Memory(layer: layer)
        let reference = try Reference(parsing: name)
        let target = try await sources.destination(reference)
        for blob in [memory.config, memory.layer] { _ = try await target.put(memory.descriptor(blob), from: memory) }
        let fetched = try memory.manifest()
        try await target.put(fetched, as: reference.selector)
        return fetched
    }
}

/// An image in memory.
struct Memory: BlobSource {
    let layer: [UInt8]
    let config: [UInt8]

    init(layer: [UInt8]) {
        self.layer = layer
        config = Array(
            #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(Digest(of: layer))"]}}"#
                .utf8)
    }

    func descriptor(_ bytes: [UInt8]) -> Descriptor {
        Descriptor(
            mediaType: bytes == config ? .imageConfig : .layer, digest: Digest(of: bytes), size: Int64(bytes.count))
    }

    func manifest() throws -> FetchedManifest {
        let manifest = Manifest(config: descriptor(config), layers: [descriptor(layer)])
        return try FetchedManifest(
            bytes: [UInt8](JSONEncoder().encode(manifest)), statedType: .imageManifest, subject: "made")
    }

    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest { try manifest() }

    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        try await body(descriptor.digest == Digest(of: config) ? config : layer)
    }
}

extension BlobSource {
    /// The bytes of the only layer.
    func layer(_ reference: Reference) async throws -> [UInt8] {
        guard case .manifest(let manifest) = try await manifest(reference.selector).document() else { return [] }
        return try await wholeBlob(manifest.layers[0])
    }
}
