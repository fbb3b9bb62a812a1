// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A fresh folder that is gone with everything in it, mounts included, when the value is released.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// Below /tmp, or below `parent`. The name is short: unix sockets live in it.
    package init(in parent: String = "/tmp") throws {
        path = "\(parent)/skiff-\(Syscall.processID)-\(UInt32.random(in: 0 ... .max))"
        try Syscall.makeDirectory(path, mode: 0o755)
    }

    deinit {
        // A test that failed half way may have left mounts; deepest first.
        let mounts = ((try? MountInfo.read()) ?? []).map(\.mountPoint).filter { $0.hasPrefix(path + "/") }
        for mount in mounts.reversed() { try? Syscall.unmountAll(mount) }
        try? Syscall.removeTree(path)
    }
}
