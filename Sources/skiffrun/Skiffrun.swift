// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
// Used by ContainerRuntime only. The import in the statically linked module makes the linker see its archives.
internal import FoundationEssentials
internal import Linux

/// skiffrun, an OCI runtime.
///
/// One thread, from start to end: namespaces are entered by threads, and processes are cloned without any ceremony. So
/// there are no tasks, no actors and no queues in this program.
@main
struct Skiffrun {
    static func main() {
        do {
            try StandardDescriptors.fill()
        } catch {
            print(error: "\(error)")
            Syscall.exitNow(1)
        }
        let arguments = CommandLine.arguments
        let environment = HostEnvironment.current()
        // Hooks and callers may close their ends of pipes as they like.
        try? Signal.pipe.ignore()
        do {
            let invocation = try Invocation(arguments, environment: environment)
            Syscall.exitNow(run(invocation, arguments, environment))
        } catch {
            print(error: "\(error)")
            Syscall.exitNow(1)
        }
    }

    /// Runs the command and returns the exit status.
    private static func run(_ invocation: Invocation, _ arguments: [String], _ environment: [String]) -> Int32 {
        if invocation.wantsVersion { return Version.print() }
        guard let name = invocation.command, !invocation.wantsHelp else { return Help.print() }
        guard let command = Command.all[name] else {
            invocation.log.write(.error, "unknown command \"\(name)\"")
            return 1
        }
        do {
            if let refusal = invocation.refusal { throw RuntimeError(refusal) }
            // Before anything is opened or read: this executes the program anew, once.
            if command.startsProcess {
                try SelfProtection.ensure(arguments: arguments, environment: environment)
            }
            return try command.run(invocation)
        } catch {
            invocation.log.write(.error, command.errorPrefix + "\(error)")
            return command.errorStatus
        }
    }

    static func print(_ text: String) { try? Syscall.writeAll(1, Array("\(text)\n".utf8)) }
    static func print(error text: String) { try? Syscall.writeAll(2, Array("\(text)\n".utf8)) }
}
