// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `create` and `run`.
enum CreateCommand {
    private static let options = OptionTable(
        values: ["bundle b", "console-socket", "pidfd-socket", "pid-file", "preserve-fds", "config f"],
        flags: ["no-pivot", "no-new-keyring", "no-subreaper", "detach d", "keep"])

    static func create(_ invocation: Invocation) throws -> Int32 {
        let (request, _) = try request(invocation)
        _ = try Container.create(request, in: invocation.store)
        return 0
    }

    static func run(_ invocation: Invocation) throws -> Int32 {
        var (request, options) = try request(invocation)
        request.waitsForStart = false
        request.isForeground = !options.has("detach")
        if request.isForeground, !options.has("no-subreaper") {
            try SystemError.attempt("become", "subreaper") { () throws(Errno) in try Syscall.becomeSubreaper() }
        }
        if request.isForeground { try ForegroundSession.holdSignals() }
        let created = try Container.create(request, in: invocation.store)
        guard request.isForeground else { return 0 }
        let container = created.container
        defer { if !options.has("keep") { remove(container, invocation.log) } }
        var session = try ForegroundSession(created)
        return try session.run().shellCode
    }

    /// The program has ended, or nobody attends to it any more; what is left behind is a matter for the log.
    private static func remove(_ container: Container, _ log: RuntimeLog) {
        do {
            for failure in try container.delete(force: true) { log.write(.warning, "\(failure)") }
        } catch {
            log.write(.warning, "\(error)")
        }
    }

    private static func request(_ invocation: Invocation) throws -> (CreateRequest, ParsedArguments) {
        var arguments = invocation.arguments
        let options = try ParsedArguments(&arguments, Self.options, wordsUpTo: 1)
        guard let id = options.words.first, arguments.isEmpty else {
            throw UsageError("exactly one argument, the container ID, is required")
        }
        var request = CreateRequest(id: id, bundle: try absolutePath(options["bundle"] ?? "."))
        request.configuration = try options["config"].map(absolutePath)
        request.pidFile = try options["pid-file"].map(absolutePath)
        request.consoleSocket = try options["console-socket"].flatMap { $0.isEmpty ? nil : try absolutePath($0) }
        request.pidfdSocket = try options["pidfd-socket"].flatMap { $0.isEmpty ? nil : try absolutePath($0) }
        let sockets = ActivationSockets(HostEnvironment.current())
        request.preservedDescriptors = try options.number("preserve-fds") ?? 0
        request.preservedDescriptors += sockets.count
        request.environment = sockets.environment
        request.pivots = !options.has("no-pivot")
        request.newKeyring = !options.has("no-new-keyring")
        return (request, options)
    }
}
