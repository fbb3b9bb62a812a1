// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIImageSpec

/// A lock on a file, between threads and processes alike; released when it goes out of scope, and by the kernel when
/// the process ends. See flock(2).
struct StoreLock: ~Copyable {
    private let file: OwnedFD

    /// Waits for the lock.
    init(_ path: String, exclusive: Bool) throws(ImageStoreError) {
        let opened = try Self.open(path)
        let descriptor = opened.rawValue
        _ = try ImageStoreError.attempt("lock", path) { () throws(Errno) in
            try Syscall.lock(descriptor, exclusive: exclusive, wait: true)
        }
        file = opened
    }

    private init(holding file: consuming OwnedFD) { self.file = file }

    /// The lock, or nil when another holds it.
    static func ifFree(_ path: String) throws(ImageStoreError) -> StoreLock? {
        let file = try open(path)
        let descriptor = file.rawValue
        let held = try ImageStoreError.attempt("lock", path) { () throws(Errno) in
            try Syscall.lock(descriptor, exclusive: true, wait: false)
        }
        return held ? StoreLock(holding: file) : nil
    }

    private static func open(_ path: String) throws(ImageStoreError) -> OwnedFD {
        try ImageStoreError.attempt("open", path) { () throws(Errno) in
            try Syscall.open(path, [.readWrite, .create], mode: 0o600)
        }
    }
}
