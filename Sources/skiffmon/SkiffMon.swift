// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import PodMonitor

/// The monitor of one pod: it owns the pod's namespaces, its containers' output and their exit status.
@main
struct SkiffMon {
    static func main() {
        Syscall.exitNow(PodMonitor.run(Array(CommandLine.arguments.dropFirst())))
    }
}
