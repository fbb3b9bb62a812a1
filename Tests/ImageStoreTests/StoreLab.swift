// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ImageStore
import Linux
import OCIImageSpec
import Synchronization
import TestSupport

/// A store and a layout in a temporary folder.
final class StoreLab {
    let folder: TemporaryDirectory
    let root: String
    let run: String
    var layout: LayoutBuilder

    init(algorithm: String = "sha256") throws {
        folder = try TemporaryDirectory()
        root = "\(folder.path)/root"
        run = "\(folder.path)/run"
        layout = try LayoutBuilder("\(folder.path)/layout", algorithm: algorithm)
    }

    /// With layers as directories, into which tests can look and reach.
    func open() throws -> ImageStore { try ImageStore(root: root, run: run, format: .directory) }

    func source(_ tag: String? = nil) throws -> LayoutSource { try LayoutSource(directory: layout.path, tag: tag) }

    /// What is in a directory of the store, sorted.
    func list(_ path: String) throws -> [String] { try Syscall.entries("\(root)/\(path)").sorted() }

    /// Nothing of any image: no layer, no document, nothing staged, nothing thrown away.
    func isEmpty() throws -> Bool {
        let all =
            ["layers", "content"].flatMap { ["\($0)/sha256", "\($0)/sha512"] } + ["staging", "trash", "containers"]
        return try all.allSatisfy { try list($0).isEmpty }
    }

    static let platform = Platform(os: "linux", architecture: "amd64")

    /// One file of that content.
    static func layer(_ path: String, _ content: String) -> LayoutBuilder.Layer {
        var tar = TarBuilder()
        tar.add(path, content: Array(content.utf8))
        return LayoutBuilder.Layer(tar)
    }
}

/// Counts what is fetched, and can hold every blob back.
final class WatchedSource: BlobSource {
    private let source: any BlobSource
    private let fetched = Mutex<[Digest]>([])
    private let isHeld: Mutex<Bool>

    init(_ source: any BlobSource, held: Bool = false) {
        self.source = source
        isHeld = Mutex(held)
    }

    var blobs: [Digest] { fetched.withLock { $0 } }

    func letGo() { isHeld.withLock { $0 = false } }

    func manifest(_ selector: ManifestSelector) async throws -> FetchedManifest { try await source.manifest(selector) }

    func blob(_ descriptor: Descriptor, _ body: ([UInt8]) async throws -> Void) async throws {
        fetched.withLock { $0.append(descriptor.digest) }
        var isConfig = false
        if case .config = descriptor.mediaType.kind { isConfig = true }
        while !isConfig, isHeld.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        try await source.blob(descriptor, body)
    }
}

/// Waits, without a thread, until the condition holds.
func soon(_ what: String, _ condition: () throws -> Bool) async throws {
    for _ in 0..<6000 {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw Late(what: what)
}

struct Late: Error { var what: String }
