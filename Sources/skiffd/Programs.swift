// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Linux

/// Where the monitor and the runtimes are.
enum Programs {
    /// The same settings with absolute paths: programs stand beside this one, or on PATH.
    static func locate(_ config: DaemonConfig) throws -> DaemonConfig {
        let own = try Syscall.readLink("/proc/self/exe")
        let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "/"
        return try config.locatingPrograms(
            beside: folder, path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    }
}
