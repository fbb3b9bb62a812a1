// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `checkpoint` and `restore`, by criu(8).
enum CheckpointCommand {
    private static let common: [CommandOption] = [
        .value("image-path", "DIR", "the images (default checkpoint in the working directory)"),
        .value("work-path", "DIR", "logs of criu (default the images' folder)"),
        .flag("tcp-established", "keep TCP connections"),
        .flag("tcp-close", "close TCP connections"),
        .flag("ext-unix-sk", "allow unix sockets that are connected to the outside"),
        .flag("shell-job", "allow a terminal of the outside"),
        .flag("file-locks", "keep file locks"),
        .value("manage-cgroups-mode", "MODE", "soft, full, strict or ignore (default soft)"),
        .value("empty-ns", "KIND", "leave the content of the namespace \"network\" out"),
        .flag("auto-dedup", "drop pages that a later image has"),
        .flag("lazy-pages", "let pages be fetched when they are needed"),
        .flag("link-remap", "allow files that were removed while they are open"),
        .value("network-lock", "METHOD", "iptables or nftables"),
    ]

    static let checkpoint = Command(
        name: "checkpoint", summary: "write the processes of a container to files, and end them",
        options: OptionTable(
            common + [
                .value("parent-path", "DIR", "images of an earlier --pre-dump, relative to the images"),
                .flag("leave-running", "let the container go on"),
                .flag("tcp-skip-in-flight", "leave TCP connections out that are not established yet"),
                .value("status-fd", "N", "descriptor that gets a NUL byte when lazy pages can be fetched"),
                .value("page-server", "ADDRESS:PORT", "send pages to a page server"),
                .flag("pre-dump", "write memory only, while the container goes on"),
            ]), errorPrefix: "", run: runCheckpoint)

    static let restore = Command(
        name: "restore", summary: "make a container from what checkpoint has written",
        details: "The bundle must be as it was at the checkpoint.",
        options: OptionTable(
            common + [
                .value("bundle b", "DIR", "folder of the configuration (default the working directory)"),
                .value("config f", "FILE", "the configuration (default config.json in the bundle)"),
                .value("console-socket", "PATH", "unix socket that gets the master's end of the terminal"),
                .value("pid-file", "FILE", "file that gets the process ID"),
                .flag("detach d", "do not wait for the program"),
                .flag("keep", "do not remove the container when the program has ended"),
                .flag("no-subreaper", "do not take care of orphans in the foreground"),
                .flag("no-pivot", "accepted and without effect: criu enters the root filesystem"),
                .value("lsm-profile", "TYPE:NAME", "security label or profile of the restored processes"),
                .value("lsm-mount-context", "LABEL", "security label of the restored mounts"),
            ]), errorPrefix: "", run: runRestore)

    private static func runCheckpoint(_ invocation: Invocation) throws -> Int32 {
        let options = invocation.options
        let container = try invocation.container()
        var request = try request(options)
        request.leaveRunning = options.has("leave-running")
        request.tcpSkipInFlight = options.has("tcp-skip-in-flight")
        request.preDump = options.has("pre-dump")
        request.statusDescriptor = try options.number("status-fd")
        request.pageServer = try options["page-server"].map(parseServer)
        if let parent = options["parent-path"], !parent.isEmpty {
            guard !parent.hasPrefix("/") else {
                throw UsageError("--parent-path \"\(parent)\" must be relative to the images of --image-path")
            }
            request.parentPath = parent
        }
        for failure in try container.checkpoint(request) { invocation.log.write(.warning, "\(failure)") }
        return 0
    }

    private static func runRestore(_ invocation: Invocation) throws -> Int32 {
        let options = invocation.options
        var criu = try request(options)
        criu.lsmProfile = options["lsm-profile"]
        criu.lsmMountContext = options["lsm-mount-context"]
        var request = CreateRequest(
            id: invocation.words.first ?? "", bundle: try absolutePath(options["bundle"] ?? "."))
        request.configuration = try options.path("config")
        request.pidFile = try options.path("pid-file")
        request.consoleSocket = try options.path("console-socket")
        request.isForeground = !options.has("detach")
        return try invocation.runToTheEnd(request) { request in
            try Container.restore(request, criu, in: invocation.store)
        }
    }

    private static func request(_ options: ParsedArguments) throws -> CriuOptions {
        let images = try absolutePath(options["image-path"] ?? "checkpoint")
        var request = CriuOptions(imagePath: images, workPath: try options.path("work-path") ?? images)
        if let program = options["criu"], !program.isEmpty { request.program = program }
        let path = HostEnvironment.current.first { $0.hasPrefix("PATH=") }
        if let path { request.searchPath = String(path.dropFirst(5)) }
        request.tcpEstablished = options.has("tcp-established")
        request.tcpClose = options.has("tcp-close")
        request.externalUnixSockets = options.has("ext-unix-sk")
        request.shellJob = options.has("shell-job")
        request.fileLocks = options.has("file-locks")
        request.autoDedup = options.has("auto-dedup")
        request.lazyPages = options.has("lazy-pages")
        request.linkRemap = options.has("link-remap")
        if let name = options["manage-cgroups-mode"] {
            guard let mode = CriuOptions.CgroupMode(named: name) else {
                throw UsageError("Invalid manage-cgroups-mode \"\(name)\": soft, full, strict or ignore is expected")
            }
            request.cgroupMode = mode
        }
        request.emptyNetwork = try options.choice("empty-ns", ["network"]) != nil
        request.networkLock = try options.choice("network-lock", ["iptables", "nftables"]).map {
            $0 == "iptables" ? 1 : 2
        }
        return request
    }

    private static func parseServer(_ text: String) throws -> (address: String, port: Int32) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            throw UsageError("invalid --page-server \"\(text)\": ADDRESS:PORT is expected")
        }
        return (String(text[..<colon]), Int32(port))
    }
}
