// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux
internal import GRDB
internal import Linux
internal import OCIImageSpec

/// The tables of the store in `skiff.db`.
///
///     layers            one row for each layer whose bytes are on disk, or are damaged and to be fetched again. Its id is
///                       the diffID, unless it depends on the layers below: then the chainID, see `PresentLayers`
///     images            one row for each image, written after the rows of its layers
///     image_layers      the layers of an image, lowest first
///     image_references  names of images: tags, which may move, and repository@digest
///     content           one row for each document, or blob that is kept, whose bytes are on disk or are damaged
///     image_content     the content that an image needs
///     rootfs            root file systems of containers, written before their mounts and directories exist
///     image_mounts      other mounts of images, written before they exist
///     facts             the identity of the directory of the images
///
/// Several processes use the file at once: writers wait for each other, readers wait for nobody (WAL).
enum StoreDatabase {
    /// Opens the database, and makes or updates the tables.
    static func open(_ paths: StorePaths) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "skiff.images"
        configuration.busyMode = .timeout(60)
        configuration.maximumReaderCount = 4
        let opening = try StoreLock.take(paths.openingLock, exclusive: true)
        if !Syscall.exists(paths.database) { try make(paths) }
        let first = try beginLog(paths.database, configuration)
        let pool = try DatabasePool(path: paths.database, configuration: configuration)
        try first?.close()
        // The pool sets NORMAL: tables that are lost with the power are made again.
        try migrator.migrate(pool)
        // What is acknowledged from now on survives a loss of power.
        try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        _ = consume opening
        return pool
    }

    /// Makes the log where there is none, and keeps it by a connection until the pool has its own. The pool would make it with
    /// two waits for the disk, the file's and its directory's, before there is anything to lose: a new log has no frames of
    /// before that could be taken for its own. The first change that is acknowledged flushes all of it.
    private static func beginLog(_ path: String, _ configuration: Configuration) throws -> DatabaseQueue? {
        let length = (try? Syscall.status("\(path)-wal").size) ?? 0
        guard length == 0 else { return nil }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { database in
            guard try String.fetchOne(database, sql: "PRAGMA journal_mode") == "wal" else { return }
            try database.execute(
                sql: """
                    PRAGMA synchronous = OFF;
                    BEGIN IMMEDIATE;
                    CREATE TABLE new_log (id INTEGER PRIMARY KEY);
                    DROP TABLE new_log;
                    COMMIT;
                    """)
        }
        return queue
    }

    /// Makes a database beside its place, without waiting for the disk at each step, and moves it there when it is whole and
    /// flushed: a loss of power leaves it or nothing. So it is with the identity of the images, which it knows and which must
    /// be there when it is. Their names are flushed with the name of the log, before the first change is acknowledged (SQLite
    /// flushes the directory of a log that it has made). Whoever else makes a database meanwhile is welcome to.
    private static func make(_ paths: StorePaths) throws {
        guard try !paths.belongToDatabase() else { throw StorePaths.belongsToAnother(paths.images) }
        let (path, identityPath) = ("\(paths.database).new", "\(paths.identity).new")
        func remove(_ files: [String]) throws(ImageStoreError) {
            for file in files {
                try ImageStoreError.attempt("remove", file) { () throws(Errno) in
                    do throws(Errno) { try Syscall.removeFile(file) } catch .ENOENT {}
                }
            }
        }
        let own = ["", "-wal", "-shm", "-journal"].map { path + $0 } + [identityPath]
        // A log without its database is of one whose name was lost with the power, and must not be taken for the new one's.
        try remove(own + ["-wal", "-shm"].map { paths.database + $0 })
        let identity = randomName()
        try make(path, identity)
        try ImageStoreError.attempt("write", identityPath) { () throws(Errno) in
            try Syscall.open(identityPath, [.writeOnly, .create, .exclusive], mode: 0o600)
                .writeAll(Array(identity.utf8))
        }
        try Flush.all([path, identityPath])
        try ImageStoreError.attempt("move to", paths.identity) { () throws(Errno) in
            try Syscall.rename(identityPath, paths.identity)
        }
        // In one directory, the one name is on disk not later than the other.
        if paths.images != paths.root { try Flush.all([paths.images]) }
        try ImageStoreError.attempt("move to", paths.database) { () throws(Errno) in
            do throws(Errno) {
                try Syscall.rename(
                    RawName(path), at: Syscall.workingDirectory, RawName(paths.database), at: Syscall.workingDirectory,
                    flags: CLX_RENAME_NOREPLACE)
            } catch .EEXIST {}
        }
        try remove(own)
    }

    private static func make(_ path: String, _ identity: String) throws {
        var configuration = Configuration()
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY") }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try migrator.migrate(queue)
        try queue.write { try recordIdentity(identity, $0) }
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
        // Copies what is in the log into the file, and removes the log.
        try queue.close()
    }

    /// Records which directory of images the database belongs to.
    static func recordIdentity(_ identity: String, _ database: Database) throws {
        try database.execute(sql: "INSERT INTO facts (name, value) VALUES ('images', ?)", arguments: [identity])
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("images 1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE layers (
                        diff_id TEXT PRIMARY KEY,
                        format TEXT NOT NULL,
                        bytes INTEGER NOT NULL,
                        inodes INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE images (
                        id TEXT PRIMARY KEY,
                        manifest TEXT NOT NULL,
                        pulled INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE image_layers (
                        image TEXT NOT NULL REFERENCES images ON DELETE CASCADE,
                        position INTEGER NOT NULL,
                        layer TEXT NOT NULL REFERENCES layers,
                        PRIMARY KEY (image, position)
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX image_layers_by_layer ON image_layers (layer);
                    CREATE TABLE image_references (
                        name TEXT PRIMARY KEY,
                        is_tag INTEGER NOT NULL,
                        image TEXT NOT NULL REFERENCES images ON DELETE CASCADE
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX image_references_by_image ON image_references (image);
                    CREATE TABLE rootfs (
                        container TEXT PRIMARY KEY,
                        image TEXT NOT NULL REFERENCES images,
                        is_read_only INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX rootfs_by_image ON rootfs (image);
                    """)
        }
        migrator.registerMigration("images 2") { database in
            try database.execute(
                sql: """
                    ALTER TABLE layers ADD COLUMN checksum TEXT;
                    ALTER TABLE layers ADD COLUMN damage TEXT;
                    ALTER TABLE rootfs ADD COLUMN boot TEXT;
                    CREATE TABLE content (
                        digest TEXT PRIMARY KEY,
                        bytes INTEGER NOT NULL,
                        damage TEXT
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE image_content (
                        image TEXT NOT NULL REFERENCES images ON DELETE CASCADE,
                        digest TEXT NOT NULL REFERENCES content,
                        PRIMARY KEY (image, digest)
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX image_content_by_digest ON image_content (digest);
                    CREATE TABLE image_mounts (
                        id TEXT PRIMARY KEY,
                        image TEXT NOT NULL REFERENCES images,
                        sub_path TEXT NOT NULL,
                        staging TEXT
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX image_mounts_by_image ON image_mounts (image);
                    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("images 3") { database in
            // Layers of before have the root of the layer below, and checksums of another kind.
            try database.execute(
                sql: """
                    ALTER TABLE layers RENAME COLUMN diff_id TO id;
                    ALTER TABLE layers ADD COLUMN diff_id TEXT NOT NULL DEFAULT '';
                    ALTER TABLE layers ADD COLUMN is_dependent INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE layers ADD COLUMN brings_root INTEGER NOT NULL DEFAULT 1;
                    UPDATE layers SET diff_id = id, checksum = NULL;
                    """)
        }
        migrator.registerMigration("images 4") { database in
            try database.execute(sql: "ALTER TABLE rootfs ADD COLUMN project INTEGER")
        }
        return migrator
    }
}

extension ImageStoreError {
    /// An error of the database in the store's form; other errors stay what they are.
    static func translate(_ operation: String, _ subject: String, _ error: any Error) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        let code: Code = error.resultCode == .SQLITE_FULL ? .noSpace : .io
        return ImageStoreError(code, operation, subject, "database: \(error.message ?? error.resultCode.description)")
    }
}
