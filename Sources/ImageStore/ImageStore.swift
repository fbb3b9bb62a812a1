// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
internal import OCIImageSpec
internal import Synchronization

/// The images of a machine: layers once each, by content, and which images and containers use them.
///
/// Rules that hold at every moment, also after a loss of power:
/// - A layer's bytes are on disk before its row is written; a layer without a row is garbage.
/// - An image's row is written after those of its layers, in the same transaction as its names.
/// - The row of a container's root file system is written before its directories and mount exist.
///
/// ## Concurrency model
/// Any number of threads and processes may use a store at once. Layers move in under the store's lock held shared and
/// move out under it held exclusively; nothing is unpacked or removed while it is held. The synchronous functions
/// block: call them on a `BlockingPool` where that matters.
package final class ImageStore: Sendable {
    let paths: StorePaths
    let database: DatabasePool
    let format: any LayerFormat = DirectoryLayers()
    let pulls = SingleFlight<String, Image, PullProgress>()
    /// Configurations never change under their digest.
    let configs = Mutex<[Digest: ImageConfig]>([:])

    /// Opens the store below `root`, and makes it when it is not there; mounts are made below `run`. Removes what
    /// processes that died have left.
    package init(root: String, run: String) throws {
        paths = StorePaths(root: root, run: run)
        try paths.prepare()
        do {
            database = try StoreDatabase.open(paths)
        } catch {
            throw ImageStoreError.translate("open", paths.database, error)
        }
        try collectGarbage()
    }

    /// What all layers take on disk.
    package func usage() throws -> StoreUsage {
        let sums = try read("measure images", paths.root) { database in
            try Row.fetchOne(
                database, sql: "SELECT total(bytes) AS bytes, total(inodes) AS inodes FROM layers")
        }
        let bytes: Double = sums?["bytes"] ?? 0
        let inodes: Double = sums?["inodes"] ?? 0
        return StoreUsage(bytes: UInt64(bytes), inodes: UInt64(inodes), path: paths.root)
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
    func write<Value>(_ operation: String, _ subject: String, _ body: (Database) throws -> Value) throws -> Value {
        do {
            return try database.write(body)
        } catch {
            throw ImageStoreError.translate(operation, subject, error)
        }
    }
}
