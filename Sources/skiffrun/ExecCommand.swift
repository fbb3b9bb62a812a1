// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux
internal import OCIRuntimeSpec

/// `exec`.
enum ExecCommand {
    static let command = Command(
        name: "exec", summary: "run another program in a container", rest: "[PROGRAM [ARGUMENT]...]",
        details: """
            The program runs as the container's own would, but for the options. The exit status is that of the program,
            128+N when signal N ended it, and 255 when it could not be run.
            """,
        options: OptionTable([
            .value("process p", "FILE", "the whole process as JSON, instead of a program"),
            .value("cwd", "DIR", "working directory"),
            .value("env e", "NAME=VALUE", "set a variable (may be repeated)"),
            .flag("tty t", "give the program a terminal"),
            .value("user u", "UID[:GID]", "user and group"),
            .value("additional-gids g", "GID", "one more group (may be repeated)"),
            .value("cap c", "NAME", "one more capability (may be repeated)"),
            .flag("no-new-privs", "let the program gain no privileges"),
            .value("process-label", "LABEL", "SELinux label"),
            .value("apparmor", "PROFILE", "AppArmor profile"),
            .flag("detach d", "do not wait for the program"),
            .value("pid-file", "FILE", "file that gets the process ID"),
            .value("console-socket", "PATH", "unix socket that gets the master's end of the terminal"),
            .value("pidfd-socket", "PATH", "unix socket that gets a pidfd of the process"),
            .value("preserve-fds", "N", "pass descriptors 3 to 2+N on"),
            .value("cgroup", "[CONTROLLER:]PATH", "a cgroup below the container's (may be repeated)"),
            .flag("ignore-paused", "wait for resume in a paused container"),
        ]),
        startsProcess: true, errorPrefix: "exec failed: ", errorStatus: 255, run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let container = try invocation.container()
        let request = try request(invocation.options, invocation.arguments)
        if !request.isDetached { try ForegroundSession.holdSignals() }
        let process = try container.exec(request)
        if request.isDetached { return 0 }
        var session = try ForegroundSession(process)
        return try session.run().shellCode
    }

    private static func request(_ options: ParsedArguments, _ arguments: [String]) throws -> ExecRequest {
        var request = ExecRequest()
        request.process = try options["process"].map(readProcess)
        guard request.process != nil || !arguments.isEmpty else { throw UsageError("process args cannot be empty") }
        request.arguments = arguments
        request.workingDirectory = options["cwd"]
        request.environment = options.all("env")
        request.user = try options["user"].map(parseUser)
        request.additionalGroups = try options.all("additional-gids").map(parseID)
        request.capabilities = options.all("cap")
        request.noNewPrivileges = options.given("no-new-privs")
        request.appArmorProfile = options["apparmor"]
        request.label = options["process-label"]
        request.terminal = options.has("tty")
        if options.given("tty") != nil { request.process?.terminal = options.has("tty") }
        request.isDetached = options.has("detach")
        request.pidFile = try options.path("pid-file")
        request.consoleSocket = try options.path("console-socket")
        request.pidfdSocket = try options.path("pidfd-socket")
        request.preservedDescriptors = try options.number("preserve-fds") ?? 0
        request.ignoresPause = options.has("ignore-paused")
        request.cgroups = try parseCgroups(options.all("cgroup"))
        return request
    }

    private static func readProcess(_ path: String) throws -> Process {
        let bytes = try SystemError.attempt("open", path) { () throws(Errno) in try Syscall.readFile(path) }
        do throws(PlanError) {
            return try JSONText.decode(Process.self, bytes)
        } catch {
            throw PlanError("read \"\(path)\": \(error)")
        }
    }

    /// `UID[:GID]`, numbers only: names would have to be looked up in the container.
    private static func parseUser(_ text: String) throws -> (uid: UInt32, gid: UInt32?) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { throw UsageError("invalid user \"\(text)\", UID[:GID] is expected") }
        return (try parseID(parts[0]), try parts.dropFirst().first.map(parseID))
    }

    private static func parseID(_ text: String) throws -> UInt32 {
        // The highest number stands for "no change" in the kernel's calls.
        guard let id = UInt32(text), id != .max, text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw UsageError("invalid id \"\(text)\"")
        }
        return id
    }

    /// Several need controllers each, and no controller has two.
    private static func parseCgroups(_ texts: [String]) throws -> [(controllers: [String], path: String)] {
        let cgroups = texts.map(parseCgroup)
        let controllers = cgroups.flatMap(\.controllers)
        guard texts.count < 2 || !cgroups.contains(where: \.controllers.isEmpty) else {
            throw UsageError("invalid --cgroup argument: each of several needs a controller")
        }
        guard Set(controllers).count == controllers.count else {
            throw UsageError("invalid --cgroup argument: a controller is given twice")
        }
        return cgroups
    }

    /// `[controller[,controller]:]path`
    private static func parseCgroup(_ text: String) -> (controllers: [String], path: String) {
        guard let colon = text.firstIndex(of: ":") else { return ([], text) }
        let controllers = text[..<colon].split(separator: ",").map(String.init)
        return (controllers, String(text[text.index(after: colon)...]))
    }
}
