// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
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
        let environment = HostEnvironment.current
        // Hooks and callers may close their ends of pipes as they like.
        try? Signal.pipe.ignore()
        do {
            let invocation = try Invocation(arguments, environment: environment)
            let status = run(invocation, arguments, environment)
            invocation.log.write(.debug, "exit status \(status)")
            Syscall.exitNow(status)
        } catch {
            print(error: "\(error)")
            Syscall.exitNow(1)
        }
    }

    /// Runs the command and returns the exit status.
    private static func run(_ invocation: Invocation, _ arguments: [String], _ environment: [String]) -> Int32 {
        let log = invocation.log
        log.write(.debug, "command line \(arguments.dropFirst())")
        if invocation.options.has("version") { return Version.print() }
        if let status = help(invocation) { return status }
        guard let command = invocation.command else {
            log.write(.error, "\(invocation.failure ?? UsageError("unknown command \"\(invocation.name ?? "")\""))")
            return 1
        }
        if let failure = invocation.failure {
            log.write(.error, "\(failure)")
            return command.errorStatus
        }
        do {
            // Before anything is opened or read: this executes the program anew, once.
            if command.startsProcess {
                try SelfProtection.ensure(arguments: arguments, environment: environment)
            }
            return try command.run(invocation)
        } catch {
            log.write(.error, command.errorPrefix + "\(error)")
            return command.errorStatus
        }
    }

    /// Prints help where the command line asks for it, or for nothing at all.
    private static func help(_ invocation: Invocation) -> Int32? {
        if invocation.name == "help" {
            return invocation.arguments.first.flatMap(Command.named).map(Help.print) ?? Help.print()
        }
        if invocation.options.has("help") { return invocation.command.map(Help.print) ?? Help.print() }
        return invocation.name == nil && invocation.failure == nil ? Help.print() : nil
    }

    static func print(_ text: String) { try? Syscall.writeAll(1, Array("\(text)\n".utf8)) }
    static func print(error text: String) { try? Syscall.writeAll(2, Array("\(text)\n".utf8)) }
}
