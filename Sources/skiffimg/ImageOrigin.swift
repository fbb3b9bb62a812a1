// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import ImageStore
internal import Linux
internal import OCIImageSpec
internal import Registry

/// An image that can be read, wherever it is. Must be closed.
struct ImageOrigin {
    /// Where its parts are.
    var source: any BlobSource
    /// Its name, which it gets in the store unless another is wanted.
    var reference: Reference
    /// How it is asked for, whatever it is called elsewhere.
    var selector: ManifestSelector
    /// The image, when it is in the store.
    var stored: Image?
    /// What was unpacked for it.
    private var folder: ArchiveFolder?

    /// Opens what the name says. A plain name is looked up in the store first, unless `elsewhere`.
    init(_ name: ImageName, _ options: SourceOptions, elsewhere: Bool = false) async throws {
        switch name {
        case .registry(let reference): try await self.init(reference, options)
        case .plain(let text):
            if !elsewhere, let (store, image) = try await options.store.find(text) {
                try self.init(store, image, options)
            } else {
                try await self.init(try await options.reference(text), options)
            }
        case .store(let text):
            let (store, image) = try await options.store.require(text)
            try self.init(store, image, options)
        case .layout(let path, let tag):
            try await options.admit("oci", path)
            self.init(try LayoutSource(directory: path, tag: tag), try ImageName.localReference(path, tag))
        case .layoutArchive(let path, let tag):
            try await options.admit("oci-archive", path)
            try await self.init(layoutArchive: path, tag)
        case .dockerArchive(let path, let name, let place):
            try await options.admit("docker-archive", path)
            try await self.init(dockerArchive: path, name, place)
        case .directory(let path):
            try await options.admit("dir", path)
            self.init(try DirectorySource(directory: path), try ImageName.localReference(path, nil))
        }
    }

    private init(_ source: any BlobSource, _ reference: Reference, folder: ArchiveFolder? = nil) {
        self.source = source
        self.reference = reference
        selector = reference.selector
        self.folder = folder
    }

    private init(_ reference: Reference, _ options: SourceOptions) async throws {
        self.init(try await options.client(reference), reference)
    }

    private init(_ store: ImageStore, _ image: Image, _ options: SourceOptions) throws {
        let names = image.repoTags + image.repoDigests
        let reference =
            try names.first.map { try Reference(parsing: $0) } ?? ImageName.localReference(image.id.hex, nil)
        self.init(StoreSource(store, image) { try await options.client($0) }, reference)
        selector = .digest(image.manifest)
        stored = image
    }

    private init(layoutArchive path: String, _ tag: String?) async throws {
        let folder = try await Self.unpack(path)
        do {
            self.init(
                try folder.naming(path) { try LayoutSource(directory: folder.path, tag: tag, isUnpacked: true) },
                try ImageName.localReference(path, tag), folder: folder)
        } catch {
            // The first failure is the one to tell.
            try? await BlockingPool.run { () throws in try folder.remove() }
            throw error
        }
    }

    private init(dockerArchive path: String, _ name: String?, _ place: Int?) async throws {
        let folder = try await Self.unpack(path)
        do {
            let source = try await BlockingPool.run { () throws in
                try folder.naming(path) {
                    try DockerArchiveSource(directory: folder.path, name: name, place: place)
                }
            }
            let reference =
                try name.map { try Reference(parsing: $0) }
                ?? source.repoTags.first.map { try Reference(parsing: $0) } ?? ImageName.localReference(path, nil)
            self.init(source, reference, folder: folder)
        } catch {
            // The first failure is the one to tell.
            try? await BlockingPool.run { () throws in try folder.remove() }
            throw error
        }
    }

    /// Beside what is read it would need the right to write there; TMPDIR is the user's choice.
    static func unpack(_ path: String) async throws -> ArchiveFolder {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/var/tmp"
        return try await BlockingPool.run { () throws in try ArchiveFolder(unpacking: path, below: parent) }
    }

    /// Manifest and configuration for a platform.
    func resolve(_ options: SourceOptions) async throws -> ImageResolution {
        try await ImageResolution(
            selector, of: source, for: options.platform(), isDemanded: options.demandsPlatform,
            name: reference.description)
    }

    /// Removes what was unpacked.
    func close() async {
        guard let folder else { return }
        // What the image was opened for has succeeded or failed already.
        try? await BlockingPool.run { () throws in try folder.remove() }
    }

    /// Opens an image, and closes it when the body has ended.
    static func with<Value>(
        _ name: ImageName, _ options: SourceOptions, elsewhere: Bool = false,
        _ body: (ImageOrigin) async throws -> Value
    ) async throws -> Value {
        let origin = try await ImageOrigin(name, options, elsewhere: elsewhere)
        do {
            let value = try await body(origin)
            await origin.close()
            return value
        } catch {
            await origin.close()
            throw error
        }
    }
}
