// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec

/// A place on disk that images are written to. Its functions are called one after the other.
package protocol ImageDestination: BlobDestination {
    /// Completes what was written. Without it, nothing is to be found under the destination's name that was not there
    /// before, but blobs of a layout.
    func finish() async throws

    /// Removes what was written so far, after a failure.
    func abandon() async
}

extension BlobSource {
    /// Writes one blob to a file and verifies it on the way. A failure leaves the file, which is the caller's.
    func write(_ descriptor: Descriptor, to file: BlobFile) async throws {
        var hasher = Digest.Hasher(descriptor.digest.algorithm)
        try await blob(descriptor) { block in
            hasher.update(block)
            try await file.append(block)
        }
        let found = hasher.finalize()
        guard found == descriptor.digest else {
            throw ImageStoreError(
                .digestMismatch, "fetch blob", descriptor.digest.description, "the content has the digest \(found)")
        }
    }
}
