// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux
internal import PodMonitor

/// The monitor of one pod: it owns the pod's namespaces, its containers' output and their exit status.
@main
struct SkiffMon {
    static func main() {
        do {
            // Processes that enter containers are born as copies of it.
            try SelfProtection.ensure(arguments: CommandLine.arguments, environment: SelfProtection.environment())
        } catch {
            // The reader of the ready pipe sees its end, and error output is the daemon's log.
            try? Syscall.writeAll(2, Array("skiffmon: \(error)\n".utf8))
            Syscall.exitNow(1)
        }
        Syscall.exitNow(PodMonitor.run(Array(CommandLine.arguments.dropFirst())))
    }
}
