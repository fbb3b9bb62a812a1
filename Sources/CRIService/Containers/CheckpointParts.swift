// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// The parts of a checkpoint in a folder, by the names of `CheckpointArchive`.
struct CheckpointParts: Sendable {
    static let limit = 16 << 20
    private static let files = ["spec.dump", "deleted.files", "rootfs-diff.tar"]

    let folder: String
    /// What the checkpoint is called in errors.
    let subject: String

    var changes: String { folder + "/rootfs-diff.tar" }

    /// Throws unless all that is read, by criu too, are files and folders, so that no link leads out of the folder. Blocks
    /// the calling thread.
    func check() throws {
        let root = try SystemError.attempt("open", folder) { () throws(Errno) in try SafeRoot(folder) }
        for name in Self.files { try check(name, .regular, root) }
        try check("checkpoint", .directory, root)
        let images = try SystemError.attempt("read", "\(folder)/checkpoint") { () throws(Errno) in
            try Syscall.entries("\(folder)/checkpoint")
        }
        for name in images { try check("checkpoint/\(name)", .regular, root) }
    }

    private func check(_ part: String, _ kind: FileStatus.Kind, _ root: borrowing SafeRoot) throws {
        let found: FileStatus.Kind? = try SystemError.attempt("look at", "\(folder)/\(part)") { () throws(Errno) in
            do throws(Errno) { return try root.open(part, [.path, .noFollow]).status().kind } catch .ENOENT {
                return nil
            }
        }
        // Which it can do without shows when it is read.
        guard found == kind || found == nil && kind == .regular else {
            throw ServiceError(
                .invalid, "use checkpoint", subject,
                "its \(part) is no \(kind == .regular ? "file" : "folder")")
        }
    }

    /// What the container had removed of its image: absolute paths.
    func removed() throws -> [String] {
        guard let bytes = try read("deleted.files") else { return [] }
        guard let paths = JSON.decode([String].self, bytes) else { throw damaged("deleted.files") }
        return paths
    }

    /// What its runtime was told of it.
    func spec() throws -> Spec {
        guard let bytes = try read("spec.dump"), let spec = JSON.decode(Spec.self, bytes) else {
            throw damaged("spec.dump")
        }
        return spec
    }

    private func read(_ part: String) throws -> [UInt8]? {
        try SystemError.attempt("read", "\(folder)/\(part)") { () throws(Errno) in
            do throws(Errno) {
                return try SafeRoot(folder).readFile(part, limit: Self.limit)
            } catch .ENOENT { return nil }
        }
    }

    private func damaged(_ part: String) -> ServiceError {
        ServiceError(.invalid, "use checkpoint", subject, "its \(part) is missing or damaged")
    }
}
