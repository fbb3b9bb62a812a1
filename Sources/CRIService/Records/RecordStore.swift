// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB

/// What the daemon must not forget: pods, containers, network attachments and operations in flight.
///
/// One SQLite file in WAL mode. What is written survives the daemon; with `write` also a loss of power, and with it all that
/// was noted before. Each row is written whole; rows carry a revision, and an older one never replaces a newer one, in
/// whatever order writes arrive.
final class RecordStore: Sendable {
    private let database: DatabasePool

    /// Opens the file, makes it where it is missing, and brings its tables to this build's form.
    init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        configuration.maximumReaderCount = 4
        database = try DatabasePool(path: path, configuration: configuration)
        try Self.migrations.migrate(database)
    }

    private static var migrations: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("cri-1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE pods (
                        id TEXT PRIMARY KEY, revision INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,
                        state TEXT NOT NULL, createdAt INTEGER NOT NULL, handler TEXT NOT NULL,
                        config BLOB NOT NULL, cgroup TEXT NOT NULL, ownsCgroup INTEGER NOT NULL,
                        monitorPID INTEGER, monitorStart INTEGER, ips TEXT NOT NULL);
                    CREATE TABLE containers (
                        id TEXT PRIMARY KEY, revision INTEGER NOT NULL,
                        pod TEXT NOT NULL REFERENCES pods(id), name TEXT NOT NULL UNIQUE,
                        state TEXT NOT NULL, createdAt INTEGER NOT NULL, startedAt INTEGER NOT NULL,
                        finishedAt INTEGER NOT NULL, exitCode INTEGER NOT NULL, reason TEXT NOT NULL,
                        message TEXT NOT NULL, imageID TEXT NOT NULL, imageRef TEXT NOT NULL,
                        config BLOB NOT NULL, user TEXT NOT NULL, stopSignal INTEGER NOT NULL,
                        logPath TEXT NOT NULL, cgroup TEXT NOT NULL, pid INTEGER, startTime INTEGER);
                    CREATE TABLE attachments (
                        pod TEXT NOT NULL, network TEXT NOT NULL, interface TEXT NOT NULL,
                        namespace TEXT NOT NULL, PRIMARY KEY (pod, network, interface));
                    CREATE TABLE operations (
                        name TEXT PRIMARY KEY, kind TEXT NOT NULL, startedAt INTEGER NOT NULL);
                    """)
        }
        migrator.registerMigration("runtime of a pod") { db in
            try db.execute(
                sql: """
                    ALTER TABLE pods ADD COLUMN runtimePath TEXT NOT NULL DEFAULT '';
                    ALTER TABLE pods ADD COLUMN runtimeRoot TEXT NOT NULL DEFAULT '';
                    """)
        }
        migrator.registerMigration("level of a pod") { db in
            try db.execute(sql: "ALTER TABLE pods ADD COLUMN level TEXT NOT NULL DEFAULT ''")
        }
        migrator.registerMigration("runtime of a container") { db in
            try db.execute(sql: "ALTER TABLE containers ADD COLUMN runtimePath TEXT NOT NULL DEFAULT ''")
        }
        return migrator
    }

    /// Runs the body in one transaction and returns once it is on disk: for what is acknowledged, and for what must be
    /// undone after a loss of power.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await commit(synchronous: "FULL", body)
    }

    /// Runs the body in one transaction, which is on disk after the next `write` at the latest: for what ends with the
    /// machine anyway. A disk may take longer to confirm a write than a pod takes for everything else.
    func note<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await commit(synchronous: "NORMAL", body)
    }

    /// See the documentation of `PRAGMA synchronous`: it belongs to the connection, and holds for the log as a whole.
    private func commit<Value: Sendable>(
        synchronous: String, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws -> Value {
        try await database.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = \(synchronous)")
            var value: Value?
            try db.inTransaction {
                value = try body(db)
                return .commit
            }
            guard let value else { throw DatabaseError(message: "the transaction has no result") }
            return value
        }
    }

    /// Runs the body on a consistent view.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await database.read(body)
    }
}

/// A row with a revision.
protocol RevisedRecord: Codable, Sendable, FetchableRecord, PersistableRecord {
    var id: String { get }
    /// Counts the changes of the row.
    var revision: Int64 { get set }
}

extension RevisedRecord {
    /// Replaces the row unless it is newer or gone.
    func updateIfNewer(_ db: Database) throws {
        let sql = "SELECT revision FROM \(Self.databaseTableName) WHERE id = ?"
        guard let present = try Int64.fetchOne(db, sql: sql, arguments: [id]), present < revision else { return }
        try update(db)
    }
}

extension RecordStore {
    /// Replaces the row of the record's id unless it is newer or gone.
    func save(_ record: some RevisedRecord) async throws {
        try await write { try record.updateIfNewer($0) }
    }

    /// The same, without waiting for the disk.
    func note(_ record: some RevisedRecord) async throws {
        try await note { try record.updateIfNewer($0) }
    }
}
