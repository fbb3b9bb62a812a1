// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import Testing

/// What depends on the version of the kernel, where it can be asked in no other way.
enum HostKernel {
    static func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
        let release = (try? Syscall.readText("/proc/sys/kernel/osrelease")) ?? ""
        let numbers = release.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return !numbers.lexicographicallyPrecedes([major, minor])
    }
}

extension HostKernel {
    /// Whether this process may lower its score for the OOM killer: CAP_SYS_RESOURCE, bit 24.
    static var mayProtectProcesses: Bool {
        let status = (try? Syscall.readText("/proc/self/status")) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        return ((line?.split(separator: "\t").last).flatMap { UInt64($0, radix: 16) } ?? 0) & 1 << 24 != 0
    }
}

extension Trait where Self == ConditionTrait {
    static var protectsProcesses: Self {
        .enabled(if: HostKernel.mayProtectProcesses, "protection from the OOM killer needs CAP_SYS_RESOURCE")
    }

    /// Temporary files may be on a tmpfs, which has ID-mapped mounts since Linux 6.3.
    static var idMapsTemporaryFiles: Self {
        .enabled(if: HostKernel.isAtLeast(6, 3), "ID-mapped mounts of a tmpfs need Linux 6.3")
    }
}
