// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import Linux
internal import MonitorProtocol

/// An OCI runtime: how each of its commands is written. The common command line of runc, crun and skiffrun.
struct RuntimeHandler: Hashable, Sendable {
    var name: String
    /// Absolute path of the program.
    var path: String
    /// Its `--root`.
    var root: String
    /// Whether systemd makes the cgroups, not the runtime.
    var usesSystemd = false
    /// `NAME=value`, beside a PATH.
    var environment: [String] = []

    static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The same for the containers of a pod whose cgroup is given.
    func driving(_ cgroup: PodCgroup) -> RuntimeHandler {
        var handler = self
        handler.usesSystemd = cgroup.driver == .systemd
        return handler
    }

    /// The same with another program, unless that is "".
    func with(program: String) -> RuntimeHandler {
        var handler = self
        if !program.isEmpty { handler.path = program }
        return handler
    }

    private var wholeEnvironment: [String] {
        environment.contains { $0.hasPrefix("PATH=") } ? environment : ["PATH=\(Self.searchPath)"] + environment
    }

    private func command(_ log: String, _ arguments: [String]) -> RuntimeCommand {
        RuntimeCommand(
            [path, "--root", root, "--log", log, "--log-format", "json"]
                + (usesSystemd ? ["--systemd-cgroup"] : []) + arguments,
            environment: wholeEnvironment)
    }

    /// Makes the container of the bundle; its process waits for `start`.
    func create(_ id: String, _ paths: Paths, console: String?) -> RuntimeCommand {
        let terminal = console.map { ["--console-socket", $0] } ?? []
        return command(
            paths.runtimeLog(id),
            ["create", "--bundle", paths.bundle(id), "--pid-file", paths.pidFile(id)] + terminal + [id])
    }

    /// Lets the process of a created container run.
    func start(_ id: String, _ paths: Paths) -> RuntimeCommand { command(paths.runtimeLog(id), ["start", id]) }

    /// Runs the process that the file describes; its pid goes to `pidFile`, the master of its terminal to `console`.
    func exec(_ id: String, process: String, pidFile: String, console: String?, log: String) -> RuntimeCommand {
        let terminal = console.map { ["--console-socket", $0] } ?? []
        return command(log, ["exec", "--detach", "--process", process, "--pid-file", pidFile] + terminal + [id])
    }

    /// Whether it is `skiffrun`, whose containers a monitor can enter without a command.
    var isOwnRuntime: Bool { path.split(separator: "/").last == "skiffrun" }

    /// Stops the container's processes where they are, until `resume`.
    func pause(_ id: String, _ paths: Paths) -> RuntimeCommand { command(paths.runtimeLog(id), ["pause", id]) }

    /// Lets paused processes go on.
    func resume(_ id: String, _ paths: Paths) -> RuntimeCommand { command(paths.runtimeLog(id), ["resume", id]) }

    /// Sets the limits that the file describes.
    func update(_ id: String, _ paths: Paths, resources: String) -> RuntimeCommand {
        command(paths.runtimeLog(id), ["update", "--resources", resources, id])
    }

    /// Writes the processes of a running container to files; they go on.
    func checkpoint(_ id: String, _ paths: Paths, images: String, work: String) -> RuntimeCommand {
        command(
            paths.runtimeLog(id), ["checkpoint", "--image-path", images, "--work-path", work, "--leave-running", id])
    }

    /// Makes a container whose processes are those of a checkpoint, whose images are in the folder; they run at once.
    func restore(_ id: String, _ paths: Paths, images: String, console: String?) -> RuntimeCommand {
        let terminal = console.map { ["--console-socket", $0] } ?? []
        return command(
            paths.runtimeLog(id),
            [
                "restore", "--detach", "--bundle", paths.bundle(id), "--pid-file", paths.pidFile(id), "--image-path",
                images, "--work-path", paths.restore(id),
            ] + terminal + [id])
    }

    /// Prints what the runtime can do.
    func features() -> RuntimeCommand {
        RuntimeCommand([path, "features"], environment: wholeEnvironment)
    }

    /// Prints how the container is; fails for one that the runtime does not know.
    func state(_ id: String, _ paths: Paths) -> RuntimeCommand { command(paths.runtimeLog(id), ["state", id]) }

    /// Kills what is left and forgets the container.
    func delete(_ id: String, _ paths: Paths) -> RuntimeCommand {
        command(paths.runtimeLog(id), ["delete", "--force", id])
    }
}

extension RuntimeHandler {
    /// As the configuration has it, whose programs are absolute paths.
    init(name: String, _ config: RuntimeHandlerConfig) {
        self.init(name: name, path: config.path, root: config.root, environment: config.environment)
    }

    /// The handler of a pod that was made earlier. Its containers are known only below the `--root` that they were made with,
    /// and their program goes on to be used while it is there. `configured` is the handler of that name, if it has one still.
    init(of record: PodRecord, configured: RuntimeHandler?, run: String) {
        let name = record.handler
        var handler = configured ?? RuntimeHandler(name: name, path: name, root: "\(run)/runtime-\(name)")
        if !record.runtimeRoot.isEmpty { handler.root = record.runtimeRoot }
        // One that is gone has made way for its successor.
        if !record.runtimePath.isEmpty, (try? Syscall.checkAccess(record.runtimePath, mode: 1)) != nil {
            handler.path = record.runtimePath
        }
        self = handler
    }
}

extension RuntimeCommand {
    /// Runs the command as a child of the daemon and waits for its end; blocks the calling thread.
    func run(timeoutMilliseconds: Int32 = 60_000) throws -> CommandOutput {
        let plan = ChildPlan(
            arguments[0], arguments, environment: environment, workingDirectory: workingDirectory)
        return try CommandOutput.run(plan, timeoutMilliseconds: timeoutMilliseconds)
    }
}

/// What a runtime wrote to its `--log` in JSON: one object per line with `level` and `msg`.
enum RuntimeLog {
    private struct Line: Decodable {
        var level: String?
        var msg: String?
    }

    /// The last error in the file; nil when there is none, or no file.
    static func lastError(_ path: String) -> String? {
        // The file may be missing: the runtime did not get that far.
        guard let text = try? Syscall.readText(path) else { return nil }
        return lastError(in: text)
    }

    static func lastError(in text: String) -> String? {
        for line in text.split(separator: "\n").reversed() {
            guard let parsed = JSON.decode(Line.self, Array(line.utf8)), parsed.level == "error" else { continue }
            if let message = parsed.msg, !message.isEmpty { return message }
        }
        return nil
    }
}
