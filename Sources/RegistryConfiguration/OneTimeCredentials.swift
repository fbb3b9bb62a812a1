// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec

/// Credentials that somebody has left for one pull, as crio-credential-provider does it from the secrets of a pod's namespace.
/// They count before all files, for mirrors too, which kubelet's own credentials never reach.
///
/// The file is `FOLDER/NAMESPACE-HASH.json`, in the form of auth.json; the hash is the SHA-256 of `domain/path` in hex.
package struct OneTimeCredentials: Sendable {
    let file: AuthFile

    /// Reads and removes the file: secrets do not lie about longer than they are needed. Nil when there is none, or the namespace
    /// is no name of a file. Blocks.
    package init?(taking reference: Reference, namespace: String, from folder: String) throws {
        guard !namespace.isEmpty, !namespace.contains("/"), !namespace.hasPrefix(".") else { return nil }
        let path = "\(folder)/\(namespace)-\(Digest(of: Array(reference.repository.utf8)).hex).json"
        guard let file = try AuthFile(path) else { return nil }
        self.file = file
        do throws(Errno) {
            try Syscall.removeFile(path)
        } catch .ENOENT {
            // Another pull has taken it at the same moment.
        } catch {
            throw SystemError("remove", path, error)
        }
    }
}
