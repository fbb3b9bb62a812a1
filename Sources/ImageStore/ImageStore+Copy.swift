// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

extension ImageStore {
    /// Copies the files of an image to a directory, which is made or must be empty. A failure leaves it as it was.
    /// Blocks; the image cannot be removed meanwhile.
    package func copy(_ image: Image, to directory: String) throws {
        let target = try UnpackTarget(directory)
        do {
            try withTree(of: image.id) { source in
                try ImageStoreError.attempt("copy image to", directory) { () throws(Errno) in
                    let opened = try Syscall.open(directory, [.directory])
                    try TreeCopy.run(from: source, to: opened.rawValue)
                }
            }
        } catch {
            // The first failure is the one to tell.
            try? target.undo()
            throw error
        }
    }
}
