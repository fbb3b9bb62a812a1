// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol
import TestSupport

/// A private pod: a temporary folder, a running `skiffmon`, and bundles of busybox for its containers.
final class SkiffmonPod {
    let folder: TemporaryDirectory
    let pid: Int32
    let pidfd: SharedPidFD
    /// The reader of the ready pipe; nil once it is closed.
    var readyPipe: SharedFD?
    let namespaces: String
    let runtime: String
    private var containers: [String] = []

    var path: String { folder.path }
    var socketPath: String { "\(path)/pod/monitor.sock" }
    /// cgroupfs names are the machine's: they hold the folder's name.
    private var prefix: String { String(path.split(separator: "/").last ?? "") }

    /// The programs beside the test bundle.
    static var program: String { get throws { try program("skiffmon") } }

    static func program(_ name: String) throws -> String {
        let own = try Syscall.readLink("/proc/self/exe")
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/\(name)"
    }

    /// Stands for the runtime beside the test bundle.
    static let ownRuntime = "skiffrun"
    var isOwnRuntime: Bool { runtime.hasSuffix("/skiffrun") }

    /// Starts a monitor and waits until it is ready.
    init(
        new: String = "net,ipc,uts", runtime: String = "/usr/bin/crun", arguments: [String] = [],
        awaitReady: Bool = true
    ) throws {
        folder = try TemporaryDirectory()
        self.runtime = try Self.wrapped(runtime, in: folder.path)
        namespaces = "\(folder.path)/ns/pod"
        for path in ["\(folder.path)/pod", namespaces] { try Syscall.makeDirectories(path) }
        var pipe = try Pipe()
        guard let reader = pipe.takeReader(), let writer = pipe.takeWriter() else { throw Errno.EBADF }
        let program = try Self.program
        let own = [
            program, "--pod", "pod", "--run-dir", "\(folder.path)/pod", "--namespaces-dir", namespaces, "--log",
            "\(folder.path)/monitor.log", "--ready-fd", "3",
        ]
        let plan = ChildPlan(
            program, own + (new.isEmpty ? [] : ["--new", new]) + arguments,
            descriptors: [nil, nil, 2, writer.rawValue])
        (pid, pidfd) = try ChildProcess(plan).detach()
        try writer.close()
        readyPipe = SharedFD(reader)
        if awaitReady {
            let line = try read(try Self.unwrap(readyPipe), until: 10)
            guard line == "ready\n" else { throw NeverReady(answer: line) }
        }
    }

    struct NeverReady: Error { var answer: String }
    struct Missing: Error {}
    struct Unexpected: Error { var reply: MonitorReply }

    static func unwrap<Value>(_ value: Value?) throws -> Value {
        guard let value else { throw Missing() }
        return value
    }

    private func read(_ fd: SharedFD, until newline: UInt8) throws -> String {
        var bytes: [UInt8] = []
        while bytes.last != newline {
            guard try Syscall.poll(fd.rawValue, for: .readable, milliseconds: 60_000) != [] else { break }
            let part = try fd.descriptor.read(upTo: 4096)
            if part.isEmpty { break }
            bytes += part
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    deinit {
        try? pidfd.pidfd.send(.kill)
        _ = try? pidfd.pidfd.reap()
        for container in containers {
            _ = try? run(runtimeCommand + ["delete", "--force", container])
        }
    }

    /// Waits for the monitor's end.
    func waitForEnd() throws -> ExitStatus { try pidfd.pidfd.reap() }

    var isAlive: Bool { ProcStat.isRunning(pid) }

    func connect() throws -> SkiffmonClient {
        let client = try SkiffmonClient(path: socketPath)
        return client
    }

    func connectAndAdopt() throws -> SkiffmonClient {
        let client = try connect()
        _ = try client.ask(.adopt)
        readyPipe = nil
        return client
    }

    @discardableResult
    func run(_ command: [String]) throws -> CommandOutput {
        try CommandOutput.run(
            ChildPlan(command[0], command, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]),
            timeoutMilliseconds: 60_000)
    }

    // MARK: Containers

    private var runtimeCommand: [String] { [runtime, "--root", "\(path)/runtime"] }

    /// crun refuses a machine where cgroup v1 and v2 both have controllers: it is run where it does not see the latter.
    private static func wrapped(_ runtime: String, in folder: String) throws -> String {
        if runtime == ownRuntime { return try program(runtime) }
        guard runtime.hasSuffix("/crun"), Syscall.exists("/sys/fs/cgroup/unified") else { return runtime }
        let inner = "umount /sys/fs/cgroup/unified; exec \(runtime) \"$@\""
        try Executable.write(
            "\(folder)/crun", "#!/bin/sh\nexec unshare --mount sh -c '\(inner)' crun \"$@\"\n")
        return "\(folder)/crun"
    }

    /// The runtime's command line with its own options first.
    func command(_ arguments: [String]) -> RuntimeCommand {
        RuntimeCommand(
            runtimeCommand + arguments,
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "XDG_RUNTIME_DIR=\(path)"], workingDirectory: path)
    }

    func id(_ name: String) -> String { "\(prefix)-\(name)" }
    func file(_ name: String, _ what: String) -> String { "\(path)/\(name)/\(what)" }
    func log(_ name: String) throws -> String { try Syscall.readText(file(name, "log")) }

    /// Makes a bundle whose program is a shell with the script; `sharing` are the namespaces joined, `limits` is JSON
    /// for `linux` with a comma at its end.
    func makeBundle(
        _ name: String, script: String, sharing: [String] = ["net", "ipc", "uts"], terminal: Bool = false,
        limits: String = "", capabilities: [String] = []
    ) throws {
        let bundle = "\(path)/\(name)"
        try Syscall.makeDirectories("\(bundle)/rootfs/bin")
        for directory in ["proc", "dev", "tmp"] { try Syscall.makeDirectories("\(bundle)/rootfs/\(directory)") }
        try run(["/bin/cp", "/bin/busybox", "\(bundle)/rootfs/bin/busybox"])
        for applet in [
            "sh", "cat", "sleep", "head", "tr", "seq", "dd", "kill", "readlink", "hostname", "echo", "tty", "ip",
            "stty", "true", "grep",
        ] {
            try Syscall.makeSymlink("busybox", "\(bundle)/rootfs/bin/\(applet)")
        }
        let kinds = ["net": "network", "ipc": "ipc", "uts": "uts", "pid": "pid"]
        var list = sharing.map { "{\"type\":\"\(kinds[$0] ?? $0)\",\"path\":\"\(namespaces)/\($0)\"}" }
        list.append("{\"type\":\"mount\"}")
        if !sharing.contains("pid") { list.append("{\"type\":\"pid\"}") }
        let escaped = script.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
        let devpts = """
            ,{"destination":"/dev","type":"tmpfs","source":"tmpfs"},\
            {"destination":"/dev/pts","type":"devpts","source":"devpts","options":["newinstance","ptmxmode=0666"]}
            """
        let names = "[" + capabilities.map { "\"\($0)\"" }.joined(separator: ",") + "]"
        let rights = "\"capabilities\":{\"bounding\":\(names),\"effective\":\(names),\"permitted\":\(names)}"
        let config = """
            {"ociVersion":"1.0.2","process":{"terminal":\(terminal),"user":{"uid":0,"gid":0},
            "args":["/bin/sh","-c","\(escaped)"],"env":["PATH=/bin"],"cwd":"/"\(capabilities.isEmpty ? "" : ",\(rights)")},
            "root":{"path":"\(bundle)/rootfs"},
            "mounts":[{"destination":"/proc","type":"proc","source":"proc"}\(terminal ? devpts : "")],
            "linux":{\(limits)"cgroupsPath":"/\(id(name))","namespaces":[\(list.joined(separator: ","))]}}
            """
        try AtomicFile.write("\(bundle)/config.json", config)
    }

    func createRequest(_ name: String, terminal: Bool = false, stdin: Bool = false) -> CreateRequest {
        containers.append(id(name))
        let console = terminal ? file(name, "console.sock") : nil
        return CreateRequest(
            container: name,
            command: command(
                ["create", "--bundle", "\(path)/\(name)", "--pid-file", file(name, "pid")]
                    + (console.map { ["--console-socket", $0] } ?? []) + [id(name)]),
            pidFile: file(name, "pid"), exitFile: file(name, "exit"), logPath: file(name, "log"), stdin: stdin,
            consoleSocket: console, oomEventsFile: Self.oomEventsFile(id(name)))
    }

    static var hasUnifiedCgroups: Bool { Syscall.exists("/sys/fs/cgroup/cgroup.controllers") }

    private static func oomEventsFile(_ cgroup: String) -> String {
        hasUnifiedCgroups
            ? "/sys/fs/cgroup/\(cgroup)/memory.events" : "/sys/fs/cgroup/memory/\(cgroup)/memory.oom_control"
    }

    /// Creates and starts a container with the script.
    func start(
        _ name: String, script: String, capabilities: [String] = [], over client: SkiffmonClient,
        sharing: [String] = ["net", "ipc", "uts"], limits: String = ""
    ) throws {
        try makeBundle(name, script: script, sharing: sharing, limits: limits, capabilities: capabilities)
        let created = try client.ask(.create(createRequest(name)))
        guard case .created = created else { throw Unexpected(reply: created) }
        let started = try client.ask(.start(container: name, command(["start", id(name)])))
        guard case .ran(0, _) = started else { throw Unexpected(reply: started) }
    }
}

extension ProcStat {
    /// Alive and not a zombie.
    static func isRunning(_ pid: Int32) -> Bool { (try? ProcStat(pid)).map { !$0.isDead } ?? false }
}
