// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// The command line after its global part: which containers, which log, and what is left for the command.
struct Invocation {
    static let globalOptions = OptionTable(
        values: ["root", "log", "log-format", "log-level", "rootless", "cgroup-manager", "criu"],
        flags: ["debug", "systemd-cgroup", "version v", "help h"])

    var store: StateStore
    var log: RuntimeLog
    var arguments: ArraySlice<String>
    var command: String?
    var wantsVersion: Bool
    var wantsHelp: Bool

    init(_ all: [String], environment: [String]) throws {
        arguments = all.dropFirst()
        let options = try ParsedArguments(&arguments, Self.globalOptions, wordsUpTo: 0)
        log = try RuntimeLog(path: options["log"], format: options["log-format"] ?? "text")
        store = StateStore(root: try absolutePath(options["root"] ?? Self.defaultRoot(environment)))
        command = arguments.popFirst()
        wantsVersion = options.has("version")
        wantsHelp = options.has("help") || command == "help"
        // Said after the log is there, so that the caller finds it.
        refusal = Self.refusal(options)
    }

    /// A global option that cannot be obeyed.
    let refusal: String?

    private static func refusal(_ options: ParsedArguments) -> String? {
        if options.has("systemd-cgroup") { return "systemd cgroup driver is not supported" }
        switch options["cgroup-manager"] ?? "cgroupfs" {
        case "cgroupfs": return nil
        case let manager: return "cgroup manager \"\(manager)\" is not supported"
        }
    }

    private static func defaultRoot(_ environment: [String]) -> String {
        let runtimeDirectory = environment.first { $0.hasPrefix("XDG_RUNTIME_DIR=") }?.dropFirst(16)
        if Syscall.effectiveUserID != 0, let runtimeDirectory, !runtimeDirectory.isEmpty {
            return "\(runtimeDirectory)/skiffrun"
        }
        return "/run/skiffrun"
    }
}

/// The path seen from the working directory.
func absolutePath(_ path: String) throws -> String {
    if path.hasPrefix("/") { return path }
    let here = try SystemError.attempt("get", "working directory") { () throws(Errno) in
        try Syscall.currentDirectory()
    }
    return path == "." ? here : "\(here)/\(path)"
}
