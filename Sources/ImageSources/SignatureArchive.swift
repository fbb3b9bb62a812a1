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

    /// Removes what is kept for no digest of these. What is younger than an hour may be of an image that is being pulled,
    /// and stays. Blocks.
    func prune(except wanted: Set<Digest>) throws(SystemError) {
        let limit = KernelClock.realtime / 1_000_000_000 - 3600
        for algorithm in Digest.Algorithm.allCases {
            let directory = "\(folder)/\(algorithm.rawValue)"
            let names = Set(wanted.filter { $0.algorithm == algorithm }.map { "\($0.hex).json" })
            try SystemError.attempt("clean up", directory) { () throws(Errno) in
                let entries: [String]
                do throws(Errno) { entries = try Syscall.entries(directory) } catch .ENOENT { return }
                for name in entries where !names.contains(name) {
                    do throws(Errno) {
                        let path = "\(directory)/\(name)"
                        if try Syscall.linkStatus(path).modified.seconds < limit { try Syscall.removeFile(path) }
                    } catch .ENOENT {
                        // Another process was faster.
                    }
                }
            }
        }
    }

    private func path(_ digest: Digest) -> String { "\(folder)/\(digest.algorithm.rawValue)/\(digest.hex).json" }
}
