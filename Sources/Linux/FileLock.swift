// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A lock on a file, between threads and processes alike: it ends with the last descriptor of the open file, at the latest
/// with the process. Whoever has it may remove the file: those who opened it before look again. See flock(2).
package struct FileLock: ~Copyable, Sendable {
    private let file: OwnedFD

    /// Waits for the lock. The file is made if need be.
    package init(_ path: String, exclusive: Bool, mode: UInt32 = 0o600) throws(Errno) {
        while true {
            let opened = try Self.open(path, mode)
            _ = try Syscall.lock(opened.rawValue, exclusive: exclusive, wait: true)
            guard try Self.isStill(opened.rawValue, path) else { continue }
            file = opened
            return
        }
    }

    private init(holding file: consuming OwnedFD) { self.file = file }

    /// The lock, for nobody else, or nil when another holds it. The file is made if need be.
    package static func ifFree(_ path: String, mode: UInt32 = 0o600) throws(Errno) -> FileLock? {
        while true {
            let opened = try open(path, mode)
            guard try Syscall.lock(opened.rawValue, exclusive: true, wait: false) else { return nil }
            guard try isStill(opened.rawValue, path) else { continue }
            return FileLock(holding: opened)
        }
    }

    /// The descriptor that holds the lock, for the caller to keep.
    package consuming func descriptor() -> OwnedFD { file }

    private static func open(_ path: String, _ mode: UInt32) throws(Errno) -> OwnedFD {
        try Syscall.open(path, [.readWrite, .create], mode: mode)
    }

    /// Whether the file is the one that others find.
    private static func isStill(_ descriptor: Int32, _ path: String) throws(Errno) -> Bool {
        let own = try Syscall.status(of: descriptor)
        do throws(Errno) {
            let found = try Syscall.status(path)
            return own.inode == found.inode && own.device == found.device
        } catch .ENOENT {
            return false
        }
    }
}
