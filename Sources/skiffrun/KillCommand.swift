// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux
internal import OCIRuntimeSpec

/// `kill`.
enum KillCommand {
    static let command = Command(
        name: "kill", summary: "send a signal to a container", words: ["ID", "[SIGNAL]"],
        details: """
            The signal goes to the container's first process. It is a number or a name, with or without SIG:
            9, KILL, SIGKILL, RTMIN+3; TERM when it is not given.
            """,
        options: OptionTable([
            .flag("all a", "signal every process of the container"),
            .flag(
                "regex r",
                "ID is an extended regular expression;\nevery running container with a matching ID is signalled"),
        ]), run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let name = invocation.words.dropFirst().first ?? "TERM"
        guard let signal = Signal(parsing: name) else { throw RuntimeError("unknown signal \"\(name)\"") }
        let all = invocation.options.has("all")
        guard invocation.options.has("regex") else {
            try invocation.container().kill(signal, all: all)
            return 0
        }
        return try invocation.forEachMatch { id in
            let container = try Container(id, in: invocation.store)
            if try container.status() == .stopped { return }
            try container.kill(signal, all: all)
        }
    }
}

extension Invocation {
    /// Runs the body for each container whose name matches the regular expression given in its place, all of them
    /// whatever fails; the failures are told. Returns the exit status.
    func forEachMatch(_ body: (String) throws -> Void) throws -> Int32 {
        let expression = try RegularExpression(words.first ?? "")
        var status: Int32 = 0
        for id in try store.list() where expression.matches(id) {
            do {
                try body(id)
            } catch let error as RuntimeError where error == .doesNotExist {
                // Gone meanwhile, which is as well.
            } catch {
                log.write(.error, "\(id): \(error)")
                status = 1
            }
        }
        return status
    }
}
