// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import EngineConfiguration
import Linux
import Logging

/// Where the monitor and the runtimes are.
enum Programs {
    /// The same settings with absolute paths: programs stand beside this one, or on PATH. Handlers without a program are left
    /// out, which `log` is told.
    static func locate(_ config: DaemonConfig, log: Logger) throws -> DaemonConfig {
        let own = try Syscall.readLink("/proc/self/exe")
        let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "/"
        let (located, unusable) = try config.locatingPrograms(
            beside: folder, path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        for error in unusable { log.warning("\(error); pods that ask for this handler are refused") }
        return located
    }
}
