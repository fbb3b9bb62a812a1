// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import TestSupport
import Testing

@Suite struct FileLockTests {
    private func isFree(_ path: String) throws -> Bool {
        switch try FileLock.ifFree(path) {
        case .some: true
        case .none: false
        }
    }

    @Test func isOneOwners() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/lock"
        let first = SharedFD(try FileLock(path, exclusive: true).descriptor())
        #expect(try !isFree(path))
        withExtendedLifetime(first) {}
        try Syscall.unlock(first.rawValue)
        #expect(try isFree(path))
        #expect(try isFree(path))
    }

    @Test func isSharedByThoseWhoWantNoMore() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/lock"
        let readers = try (0..<2).map { _ in SharedFD(try FileLock(path, exclusive: false).descriptor()) }
        #expect(try !isFree(path))
        for reader in readers { try Syscall.unlock(reader.rawValue) }
        #expect(try isFree(path))
    }

    /// Whoever waits for a file that its owner removes gets the lock of the one that others find then.
    @Test(.timeLimit(.minutes(1))) func isThatOfTheFileThatIsThere() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/lock"
        let owner = SharedFD(try FileLock(path, exclusive: true).descriptor())
        async let waiting = BlockingPool.run { () throws(Errno) in
            SharedFD(try FileLock(path, exclusive: true).descriptor())
        }
        // Long enough for it to wait, mostly; else it finds no file, which is right too.
        try await Task.sleep(for: .milliseconds(100))
        try Syscall.removeFile(path)
        try Syscall.unlock(owner.rawValue)
        let next = try await waiting
        #expect(try Syscall.status(of: next.rawValue).inode == Syscall.status(path).inode)
        #expect(try !isFree(path))
        withExtendedLifetime(next) {}
    }
}
