// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIRuntimeSpec

/// What `--version` prints.
enum Version {
    static let number = "0.1.0"

    /// Callers look for the `spec:` line (go-runc) and for the line of features that crun prints (podman).
    static func print() -> Int32 {
        Skiffrun.print(
            """
            skiffrun version \(number)
            rundir: \(Invocation.defaultRoot(HostEnvironment.current))
            spec: \(Spec.version)
            +SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF +CRIU
            """)
        return 0
    }
}
