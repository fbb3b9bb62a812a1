// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// A file as a stream of blocks.
final class FileSource: BlockSource {
    private let path: String
    private let file: SharedFD
    private var block: [UInt8] = []

    init(_ path: String, _ file: SharedFD) {
        self.path = path
        self.file = file
    }

    convenience init(_ path: String) throws(ImageStoreError) {
        self.init(
            path,
            try ImageStoreError.attempt("open", path) { () throws(Errno) in SharedFD(try Syscall.open(path, .readOnly))
            })
    }

    func nextBlock() throws -> UnsafeRawBufferPointer {
        block = try ImageStoreError.attempt("read", path) { () throws(Errno) in
            try Syscall.read(file.rawValue, upTo: 1 << 20)
        }
        // The array is kept in `block`, so its storage outlives this call and stays until the next.
        return unsafe block.withUnsafeBytes { unsafe $0 }
    }
}
