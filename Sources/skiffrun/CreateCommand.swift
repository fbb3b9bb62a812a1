// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `create` and `run`.
enum CreateCommand {
    private static let creation: [CommandOption] = [
        .value(
            "bundle b", "DIR", "folder of the configuration and the root filesystem\n(default the working directory)"),
        .value("config f", "FILE", "the configuration (default config.json in the bundle)"),
        .value("console-socket", "PATH", "unix socket that gets the master's end of the terminal"),
        .value("pidfd-socket", "PATH", "unix socket that gets a pidfd of the process"),
        .value("pid-file", "FILE", "file that gets the process ID"),
        .value("preserve-fds", "N", "pass descriptors 3 to 2+N on, besides LISTEN_FDS"),
        .flag("no-pivot", "enter the root filesystem without pivot_root(2),\nfor a host whose root is a ramdisk"),
        .flag("no-new-keyring", "keep the caller's session keyring"),
        .flag("no-subreaper", "do not take care of orphans in the foreground"),
    ]

    static let create = Command(
        name: "create", summary: "make a container; its program waits for start",
        options: OptionTable(creation), startsProcess: true, errorPrefix: "skiffrun create failed: ",
        run: { invocation in
            let created = try Container.create(try request(invocation), in: invocation.store)
            invocation.warn(created)
            return 0
        })

    static let run = Command(
        name: "run", summary: "make a container and run its program",
        details: """
            In the foreground the exit status is that of the program, 128+N when signal N ended it, and the container
            is removed afterwards.
            """,
        options: OptionTable(
            creation + [
                .flag("detach d", "do not wait for the program"),
                .flag("keep", "do not remove the container when the program has ended"),
            ]),
        startsProcess: true, errorPrefix: "skiffrun run failed: ", run: runContainer)

    private static func runContainer(_ invocation: Invocation) throws -> Int32 {
        let options = invocation.options
        var request = try request(invocation)
        request.waitsForStart = false
        request.isForeground = !options.has("detach")
        return try invocation.runToTheEnd(request) { request in
            try Container.create(request, in: invocation.store)
        }
    }

    private static func request(_ invocation: Invocation) throws -> CreateRequest {
        let options = invocation.options
        var request = CreateRequest(
            id: invocation.words.first ?? "", bundle: try absolutePath(options["bundle"] ?? "."))
        request.configuration = try options.path("config")
        request.pidFile = try options.path("pid-file")
        request.consoleSocket = try options.path("console-socket")
        request.pidfdSocket = try options.path("pidfd-socket")
        let sockets = ActivationSockets(HostEnvironment.current)
        request.preservedDescriptors = try options.number("preserve-fds") ?? 0
        request.preservedDescriptors += sockets.count
        request.environment = sockets.environment
        request.notifySocket = HostEnvironment.notifySocket
        request.isRootless = invocation.isRootless
        let path = HostEnvironment.current.first { $0.hasPrefix("PATH=") }?.dropFirst(5)
        request.searchPath = "\(path ?? ""):/usr/sbin:/usr/bin"
        request.cgroupManager = invocation.cgroupManager
        request.pivots = !options.has("no-pivot")
        request.newKeyring = !options.has("no-new-keyring")
        return request
    }
}

extension Invocation {
    /// Makes a container whose program runs at once; in the foreground waits for its end and returns its status.
    func runToTheEnd(_ request: CreateRequest, _ make: (CreateRequest) throws -> CreatedContainer) throws -> Int32 {
        if request.isForeground, !options.has("no-subreaper") {
            try SystemError.attempt("become", "subreaper") { () throws(Errno) in try Syscall.becomeSubreaper() }
        }
        if request.isForeground { try ForegroundSession.holdSignals() }
        let created = try make(request)
        warn(created)
        guard request.isForeground else {
            try created.waitUntilReady()
            return 0
        }
        let container = created.container
        defer { if !options.has("keep") { remove(container) } }
        var session = try ForegroundSession(created)
        return try session.run().shellCode
    }

    fileprivate func warn(_ created: CreatedContainer) {
        for warning in created.warnings { log.write(.warning, warning) }
    }

    /// The program has ended, or nobody attends to it any more; what is left behind is a matter for the log.
    private func remove(_ container: Container) {
        do {
            for failure in try container.delete(force: true) { log.write(.warning, "\(failure)") }
        } catch {
            log.write(.warning, "\(error)")
        }
    }
}
