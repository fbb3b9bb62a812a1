// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import GRDB
internal import Linux
package import OCIImageSpec
internal import Synchronization

/// A part of the store that is not what it was.
package struct Damage: Hashable, Sendable, Encodable, CustomStringConvertible {
    /// What is damaged.
    package enum Kind: String, Hashable, Sendable, Encodable {
        case layer
        /// A document, or a blob that is kept.
        case content
    }

    package var kind: Kind
    /// The layer's id: its diffID, or its chainID if it depends on the layers below. Or the digest of the document.
    package var digest: Digest
    package var reason: String

    static func layer(_ digest: Digest, _ reason: String) -> Damage {
        Damage(kind: .layer, digest: digest, reason: reason)
    }
    static func content(_ digest: Digest, _ reason: String) -> Damage {
        Damage(kind: .content, digest: digest, reason: reason)
    }

    /// One line.
    package var description: String { "\(kind.rawValue) \(digest): \(reason)" }
}

/// What a check found.
package struct CheckReport: Hashable, Sendable, Encodable {
    package var layers = 0
    package var documents = 0
    /// What is damaged, also what was found so before and is still to be fetched again.
    package var damage: [Damage] = []
}

extension ImageStore {
    /// Compares the store with its records: with `quick` only whether everything is there and as long as it should be,
    /// otherwise every byte. What is damaged is set aside, so that a pull fetches it again. Blocks.
    package func check(quick: Bool = false) throws -> CheckReport {
        let problems = try read("check", paths.database) { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        guard problems == ["ok"] else {
            throw ImageStoreError(.io, "check", paths.database, problems.prefix(3).joined(separator: "; "))
        }
        var report = CheckReport()
        let (layers, documents) = try records()
        report.layers = layers.count
        report.documents = documents.count
        var found: [Finding] = []
        for layer in layers where layer.damage == nil {
            let file = DiskFile(layer.path)
            if let reason = try problem(of: layer, quick: quick) {
                found.append(Finding(damage: .layer(layer.digest, reason), file: file))
            }
        }
        for document in documents where document.damage == nil {
            if let finding = try finding(document, quick: quick) { found.append(finding) }
        }
        let known =
            layers.compactMap { layer in layer.damage.map { Damage.layer(layer.digest, $0) } }
            + documents.compactMap { document in document.damage.map { Damage.content(document.digest, $0) } }
        report.damage = known + (try quarantine(found))
        return report
    }

    /// Marks as damaged what is not there any more.
    func markMissing() throws {
        let (layers, documents) = try records()
        var found: [Finding] = []
        for layer in layers where layer.damage == nil {
            if let reason = try problem(of: layer, quick: true) {
                found.append(Finding(damage: .layer(layer.digest, reason), file: nil))
            }
        }
        for document in documents where document.damage == nil {
            if let finding = try finding(document, quick: true) { found.append(finding) }
        }
        try quarantine(found)
    }

    /// Puts the damage on record, and what is damaged out of the way. Returns what was there: the rest has been removed by
    /// others meanwhile, or fetched again.
    @discardableResult
    func quarantine(_ found: [Finding]) throws -> [Damage] {
        guard !found.isEmpty else { return [] }
        let lock = try StoreLock.take(paths.lock, exclusive: true)
        defer { _ = lock }
        var confirmed: [Damage] = []
        for (damage, file) in found.map({ ($0.damage, $0.file) }) {
            let (table, key) = damage.kind == .layer ? ("layers", "id") : ("content", "digest")
            let path = try write("record damage of", damage.digest.description) { database -> String? in
                let arguments: StatementArguments = [damage.digest.description]
                guard
                    let row = try Row.fetchOne(
                        database, sql: "SELECT * FROM \(table) WHERE \(key) = ? AND damage IS NULL",
                        arguments: arguments)
                else { return nil }
                let path =
                    damage.kind == .layer
                    ? paths.layer(damage.digest, format: row["format"]) : paths.content(damage.digest)
                guard DiskFile(path) == file else { return nil }
                try database.execute(
                    sql: "UPDATE \(table) SET damage = ? WHERE \(key) = ?",
                    arguments: [damage.reason, damage.digest.description])
                return path
            }
            guard let path else { continue }
            confirmed.append(damage)
            let target = "\(paths.quarantine)/\(damage.digest.hex)-\(randomName())"
            try ImageStoreError.attempt("set aside", path) { () throws(Errno) in
                do throws(Errno) { try Syscall.rename(path, target) } catch .ENOENT {}
            }
            _ = configs.withLock { $0.removeValue(forKey: damage.digest) }
        }
        return confirmed
    }
}

/// A file or directory that may be removed and made again under the same name.
struct DiskFile: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64
    /// Numbers are used again.
    private let changed: Timestamp

    /// What is at the path; nil when nothing is.
    init?(_ path: String) {
        guard let status = try? Syscall.linkStatus(path) else { return nil }
        (device, inode, changed) = (status.device, status.inode, status.changed)
    }
}

/// A part of the store that looks damaged, and what was at its place when it was looked at.
struct Finding: Sendable {
    var damage: Damage
    var file: DiskFile?
}

/// A row of something that is on disk.
private struct DiskRecord {
    var digest: Digest
    var path: String
    var bytes: Int64
    /// Of layers.
    var format = ""
    /// Of layers that were unpacked with one.
    var checksum: String?
    var damage: String?
}

extension ImageStore {
    private func records() throws -> (layers: [DiskRecord], documents: [DiskRecord]) {
        let paths = paths
        return try read("check layers", paths.images) { database in
            let layers = try Row.fetchAll(database, sql: "SELECT * FROM layers ORDER BY id").map { row in
                let (digest, format) = (try Digest(parsing: row["id"]), row["format"] as String)
                return DiskRecord(
                    digest: digest, path: paths.layer(digest, format: format), bytes: row["bytes"], format: format,
                    checksum: row["checksum"], damage: row["damage"])
            }
            let documents = try Row.fetchAll(database, sql: "SELECT * FROM content ORDER BY digest").map { row in
                let digest = try Digest(parsing: row["digest"])
                return DiskRecord(
                    digest: digest, path: paths.content(digest), bytes: row["bytes"], damage: row["damage"])
            }
            return (layers, documents)
        }
    }

    /// What is wrong with a layer; nil for nothing.
    private func problem(of layer: DiskRecord, quick: Bool) throws -> String? {
        let format = try quick ? nil : LayerFormats.named(layer.format)
        do throws(Errno) {
            guard let format, let checksum = layer.checksum else {
                _ = try Syscall.linkStatus(layer.path)
                return nil
            }
            let found = try format.checksum(of: layer.path)
            return found == checksum ? nil : "it has the checksum \(found), not \(checksum)"
        } catch {
            return try Self.problem(error, with: layer.path)
        }
    }

    /// What an error says of what is on disk. Throws when it is one of the process that looks, which has too many files open,
    /// for one: then nothing is known.
    private static func problem(_ error: Errno, with path: String) throws(ImageStoreError) -> String {
        switch error {
        case .ENOENT: return "it is missing"
        case .EIO, .EUCLEAN, .EBADMSG, .ELOOP, .ENOTDIR, .EISDIR, .ESTALE: return error.description
        default: throw ImageStoreError("verify", path, error)
        }
    }

    private func finding(_ document: DiskRecord, quick: Bool) throws -> Finding? {
        let file = DiskFile(document.path)
        return try problem(ofDocument: document, quick: quick).map {
            Finding(damage: .content(document.digest, $0), file: file)
        }
    }

    private func problem(ofDocument document: DiskRecord, quick: Bool) throws -> String? {
        do throws(Errno) {
            let file = try Syscall.open(document.path, [.readOnly, .noFollow])
            let size = try file.status().size
            guard size == document.bytes else { return "it has \(size) bytes, not \(document.bytes)" }
            if quick { return nil }
            var hasher = Digest.Hasher(document.digest.algorithm)
            while true {
                let block = try Syscall.read(file.rawValue, upTo: 1 << 20)
                if block.isEmpty { break }
                hasher.update(block)
            }
            let found = hasher.finalize()
            return found == document.digest ? nil : "it has the digest \(found)"
        } catch {
            return try Self.problem(error, with: document.path)
        }
    }
}
