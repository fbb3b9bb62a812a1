// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import ImagePolicy
internal import Linux
internal import OCIImageSpec

/// The signatures of pulled images, one file per digest: `sha256/HEX.json`. They prove themselves whenever they are
/// checked, so that nothing depends on who wrote them.
struct SignatureArchive: Sendable {
    let folder: String

    /// What is kept for the digest. A file that cannot be understood counts as none. Blocks.
    func signatures(of digest: Digest) throws(SystemError) -> [ImageSignature] {
        let path = path(digest)
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try Syscall.readFile(path, limit: 256 << 20)
        } catch .ENOENT {
            return []
        } catch {
            throw SystemError("read", path, error)
        }
        return (try? JSONDecoder().decode([ImageSignature].self, from: Data(bytes))) ?? []
    }

    /// Keeps them in place of others. Blocks.
    func keep(_ signatures: [ImageSignature], of digest: Digest) throws {
        let path = path(digest)
        let bytes = [UInt8](try JSONEncoder().encode(signatures))
        try SystemError.attempt("write", path) { () throws(Errno) in
            try Syscall.makeDirectories("\(folder)/\(digest.algorithm.rawValue)", mode: 0o700)
            try AtomicFile.write(path, bytes, mode: 0o600)
        }
    }

    private func path(_ digest: Digest) -> String { "\(folder)/\(digest.algorithm.rawValue)/\(digest.hex).json" }
}
