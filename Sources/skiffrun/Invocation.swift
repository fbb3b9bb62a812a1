// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// The command line, read.
struct Invocation {
    static let globalOptions = OptionTable([
        .value("root", "DIR", "where the states of containers are kept\n(default /run/skiffrun)"),
        .value(
            "log", "FILE",
            "append errors and warnings to FILE, besides printing them;\nsyslog:NAME and journald:NAME send them there under NAME"
        ),
        .value("log-format", "FORMAT", "text or json (default text)"),
        .value("log-level", "LEVEL", "error, warning or debug (default warning)"),
        .flag("debug", "the same as --log-level debug"),
        .flag("systemd-cgroup", "let systemd make the cgroups"),
        .value("cgroup-manager", "NAME", "cgroupfs, systemd or disabled (default cgroupfs)"),
        .value(
            "rootless", "BOOL",
            "cgroups only where they are delegated: true, false or auto\n(default auto: for users without root)"),
        .value("criu", "PATH", "the program criu (default: the one in PATH)"),
        .flag("version v", "print versions and features"),
        .flag("help h", "print this help"),
    ])

    var store: StateStore
    var log: RuntimeLog
    /// Global options and those of the command.
    var options: ParsedArguments
    /// What follows the words of the command: a program's command line.
    var arguments: [String] = []
    /// The command's name as it was given.
    var name: String?
    var command: Command?
    /// Why the command cannot be run; told once there is a log, so that the caller finds it.
    var failure: (any Error)?

    /// The container or other words of the command.
    var words: [String] { options.words }

    /// Throws what keeps it from having a log.
    init(_ all: [String], environment: [String]) throws {
        var arguments = all.dropFirst()
        options = ParsedArguments()
        do {
            options = try ParsedArguments(&arguments, Self.globalOptions, wordsUpTo: 0)
            name = arguments.popFirst()
            command = name.flatMap(Command.named)
            if let command { options = options.adding(try command.parse(&arguments)) }
        } catch {
            failure = Self.explained(error, command)
        }
        self.arguments = Array(arguments)
        log = try RuntimeLog(options)
        store = StateStore(root: try options.path("root") ?? Self.defaultRoot(environment))
        failure = failure ?? Self.refusal(options)
    }

    private static func explained(_ error: any Error, _ command: Command?) -> any Error {
        UsageError("\(error) (see \"skiffrun \(command.map { "help \($0.name)" } ?? "help")\")")
    }

    /// Whether the caller has no rights on the host, as far as the command line leaves that open.
    var isRootless: Bool { RootlessCaller.isRootless(options["rootless"]) }

    /// Who makes the cgroups of new containers.
    var cgroupManager: CgroupManager { CgroupManager(rawValue: Self.managerName(options)) ?? .cgroupfs }

    /// A global option that cannot be obeyed.
    private static func refusal(_ options: ParsedArguments) -> (any Error)? {
        let manager = managerName(options)
        if CgroupManager(rawValue: manager) == nil {
            return RuntimeError("unknown cgroup manager specified \"\(manager)\"")
        }
        guard ["true", "false", "auto", nil].contains(options["rootless"]) else {
            return UsageError("invalid value for --rootless: true, false or auto is expected")
        }
        return nil
    }

    private static func managerName(_ options: ParsedArguments) -> String {
        options["cgroup-manager"] ?? (options.has("systemd-cgroup") ? "systemd" : "cgroupfs")
    }

    /// Where states are kept unless `--root` says otherwise.
    static func defaultRoot(_ environment: [String]) -> String {
        let runtimeDirectory = environment.first { $0.hasPrefix("XDG_RUNTIME_DIR=") }?.dropFirst(16)
        if Syscall.effectiveUserID != 0, let runtimeDirectory, !runtimeDirectory.isEmpty {
            return "\(runtimeDirectory)/skiffrun"
        }
        return "/run/skiffrun"
    }

    /// The container that the command line names.
    func container() throws -> Container { try Container(words.first ?? "", in: store) }
}
