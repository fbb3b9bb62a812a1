// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
internal import OCIImageSpec
internal import Synchronization

/// The images of a machine: layers once each, by content, and which images and containers use them.
///
/// Rules that hold at every moment, also after a loss of power:
/// - The bytes of a layer or document are on disk before its row is written; one without a row is garbage.
/// - An image's row is written after those of its layers, in the same transaction as its names.
/// - The row of a root file system, or of another mount of an image, is written before its directories and mount exist.
/// - What is found damaged keeps its row, marked so; the image is not shown until a pull has fetched that part again.
///
/// ## Concurrency model
/// Any number of threads and processes may use a store at once. Layers and their rows move in and out under the store's
/// lock; nothing is fetched, unpacked or removed while it is held, and nothing large is flushed. The synchronous functions
/// block: call them on a `BlockingPool` where that matters.
package final class ImageStore: Sendable {
    let settings: StoreSettings
    let paths: StorePaths
    let database: DatabasePool
    private let chosenFormat = Mutex<(any LayerFormat)?>(nil)
    let pulls = SingleFlight<String, Image, PullProgress>()
    let layers = SingleFlight<LayerKey, StagedLayer, Int64>(keepsResults: true) { layer in
        // What stays is removed when the store is opened next.
        try? await BlockingPool.run { () throws in try layer.staging.remove() }
    }
    /// Configurations never change under their digest.
    let configs = Mutex<[Digest: ImageConfig]>([:])
    /// Annotations of manifests, by the image; a later pull may have brought another manifest.
    let manifestAnnotations = Mutex<[Digest: (manifest: Digest, annotations: [String: String])]>([:])

    /// Opens the store, and makes it when it is not there. Removes what processes that died have left, and marks what is
    /// missing as damaged. Throws when the images' disk is not the one that the database knows.
    package init(_ settings: StoreSettings) throws {
        self.settings = settings
        paths = StorePaths(root: settings.root, run: settings.run, images: settings.images ?? settings.root)
        try paths.prepare()
        do {
            database = try StoreDatabase.open(paths)
        } catch {
            throw ImageStoreError.translate("open", paths.database, error)
        }
        try checkLimits()
        try checkIdentity()
        try collectGarbage()
        try markMissing()
    }

    /// What new layers get. Found out when the first one comes: to mount something takes a while. Blocks.
    var format: any LayerFormat {
        chosenFormat.withLock { chosen in
            let format = chosen ?? (settings.format ?? LayerFormats.best(for: paths.staging)).format
            chosen = format
            return format
        }
    }

    /// The store below `root`, with mounts below `run`.
    package convenience init(root: String, run: String, format: LayerFormats? = nil) throws {
        var settings = StoreSettings(root: root, run: run)
        settings.format = format
        try self.init(settings)
    }

    /// What all layers and documents take on disk.
    package func usage() throws -> StoreUsage {
        let sums = try read("measure images", paths.images) { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT (SELECT total(bytes) FROM layers) + (SELECT total((bytes + 4095) / 4096 * 4096) FROM content)
                            AS bytes,
                        (SELECT total(inodes) FROM layers) + (SELECT count(*) FROM content) AS inodes
                    """)
        }
        let bytes: Double = sums?["bytes"] ?? 0
        let inodes: Double = sums?["inodes"] ?? 0
        return StoreUsage(bytes: UInt64(bytes), inodes: UInt64(inodes), path: paths.images)
    }

    /// An empty directory in the place of a disk that is not mounted must not be taken for a store that lost its layers.
    private func checkIdentity() throws {
        let opening = try StoreLock.take(paths.openingLock, exclusive: true)
        defer { _ = opening }
        let known = try read("read identity of", paths.images) {
            try String.fetchOne($0, sql: "SELECT value FROM facts WHERE name = 'images'")
        }
        let (path, found) = (paths.identity, try readIdentity())
        if let known, let found, known == found { return }
        if known != nil, found == nil {
            throw ImageStoreError(.io, "open image store", paths.images, "its disk is not mounted")
        }
        guard known == nil, try !paths.belongToDatabase() else { throw StorePaths.belongsToAnother(paths.images) }
        let identity = randomName()
        try ImageStoreError.attempt("write", path) { () throws(Errno) in
            try AtomicFile.write(path, identity, mode: 0o600, durable: true)
        }
        try write("write identity of", paths.images) { try StoreDatabase.recordIdentity(identity, $0) }
    }

    private func readIdentity() throws(ImageStoreError) -> String? {
        let path = paths.identity
        return try ImageStoreError.attempt("read", path) { () throws(Errno) -> String? in
            do throws(Errno) { return try Syscall.readText(path) } catch .ENOENT { return nil }
        }
    }

    /// Reads the database; its errors get an operation and a subject.
    func read<Value>(_ operation: String, _ subject: String, _ body: (Database) throws -> Value) throws -> Value {
        do {
            return try database.read(body)
        } catch {
            throw ImageStoreError.translate(operation, subject, error)
        }
    }

    /// Changes the database in one transaction; its errors get an operation and a subject.
    @discardableResult
    func write<Value>(_ operation: String, _ subject: String, _ body: (Database) throws -> Value) throws -> Value {
        do {
            return try database.write(body)
        } catch {
            throw ImageStoreError.translate(operation, subject, error)
        }
    }

    /// The same without waiting for the disk: a loss of power may undo it, nothing else does.
    func note(_ operation: String, _ subject: String, _ body: (Database) throws -> Void) throws {
        do {
            try database.writeWithoutTransaction { database in
                // It belongs to the connection, and cannot fail between transactions.
                try database.execute(sql: "PRAGMA synchronous = NORMAL")
                let result = Result {
                    try database.inTransaction {
                        try body(database)
                        return .commit
                    }
                }
                try database.execute(sql: "PRAGMA synchronous = FULL")
                try result.get()
            }
        } catch {
            throw ImageStoreError.translate(operation, subject, error)
        }
    }
}
