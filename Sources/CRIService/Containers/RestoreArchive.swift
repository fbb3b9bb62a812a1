// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux

/// An archive that a container is made from, open. Of its entries nothing gets out of the folder that they are unpacked to,
/// and nothing but files and directories is taken.
struct RestoreArchive: Sendable {
    let path: String
    private let file: SharedFD
    let container: CheckpointedContainer

    /// What a request for the image means; nil when it is the name of an image. The file must be in one of the folders,
    /// and no link may be on the way. Blocks the calling thread.
    static func find(_ image: String, in folders: [String]) throws -> RestoreArchive? {
        guard PathText.isAbsolute(image) else { return nil }
        let path = PathText.normalised(image)
        guard !PathText.climbs(image),
            let folder = folders.first(where: { path != $0 && PathText.isAt(path, orBelow: $0) })
        else {
            throw ServiceError(
                .invalid, "use checkpoint", image,
                "it is in none of the folders of checkpoint_restore.restore_dirs")
        }
        let file = try SystemError.attempt("open checkpoint", path) { () throws(Errno) in
            try SafeRoot(folder).openLiterally(String(path.dropFirst(folder.utf8.count)), [.readOnly, .nonblocking])
        }
        let kind = try SystemError.attempt("look at", path) { () throws(Errno) in try file.status().kind }
        guard kind == .regular else { throw ServiceError(.invalid, "use checkpoint", path, "it is no file") }
        return try RestoreArchive(path, SharedFD(file))
    }

    private init(_ path: String, _ file: SharedFD) throws {
        self.path = path
        self.file = file
        let bytes = try Self.checked(path) { try Self.description(LayerReader(OpenFile(file))) }
        guard let container = CheckpointedContainer(parsing: bytes) else {
            throw ServiceError(.invalid, "use checkpoint", path, "it has no config.dump that names its image")
        }
        self.container = container
    }

    /// Looks at all entries, so that a bad archive is refused before anything is made of it.
    private static func description(_ reader: LayerReader) throws -> [UInt8]? {
        var description: [UInt8]?
        while let entry = try reader.next() {
            switch entry.kind {
            case .directory: continue
            case .file(let size):
                let part = CheckpointedContainer.part
                guard entry.displayName == part || entry.displayName == "./\(part)" else { continue }
                guard size <= CheckpointParts.limit else {
                    throw ArchiveError(.tooLarge, "read entry", entry.displayName, "it has \(size) bytes")
                }
                var bytes: [UInt8] = []
                unsafe try reader.content { _, piece in unsafe bytes += piece }
                description = bytes
            default:
                throw ArchiveError(
                    .hostile, "read entry", entry.displayName, "a checkpoint has nothing but files and directories")
            }
        }
        return description
    }

    /// Unpacks all parts below a new folder. Blocks the calling thread.
    func unpack(to folder: String) throws -> CheckpointParts {
        try SystemError.attempt("make directory", folder) { () throws(Errno) in
            try Syscall.removeTree(folder)
            try Syscall.makeDirectories(folder, mode: 0o700)
        }
        try Self.checked(path) {
            let extractor = try LayerExtractor(into: folder, whiteout: .flatten)
            try extractor.take(LayerReader(OpenFile(file)))
            _ = try extractor.finish(above: nil)
        }
        return CheckpointParts(folder: folder, subject: path)
    }

    /// Gives what is wrong with an archive its code.
    static func checked<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as ArchiveError where error.code != .io && error.code != .noSpace {
            throw ServiceError(.invalid, "use checkpoint", path, "\(error)")
        }
    }
}

/// A file from its beginning.
private final class OpenFile: BlockSource {
    private let file: SharedFD
    private var offset: Int64 = 0
    private var block: [UInt8] = []

    init(_ file: SharedFD) { self.file = file }

    func nextBlock() throws -> UnsafeRawBufferPointer {
        block = try SystemError.attempt("read", "checkpoint") { () throws(Errno) in
            try Syscall.read(file.rawValue, upTo: 1 << 20, at: offset)
        }
        offset += Int64(block.count)
        // The array is kept in `block`, so its storage outlives this call and stays until the next.
        return unsafe block.withUnsafeBytes { unsafe $0 }
    }
}
