// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Options that crictl takes before the command are moved behind it, where every command declares them.
///
/// `-t` and `--timeout` mean the time limit of a request before the command, but may mean another time behind it.
enum GlobalArguments {
    private static let withValue = [
        "-r": "--runtime-endpoint", "--runtime-endpoint": "--runtime-endpoint",
        "-i": "--image-endpoint", "--image-endpoint": "--image-endpoint",
        "-t": "--request-timeout", "--timeout": "--request-timeout", "--request-timeout": "--request-timeout",
        "-c": "--config", "--config": "--config",
        "--tracing-endpoint": "--tracing-endpoint",
        "--tracing-sampling-rate-per-million": "--tracing-sampling-rate-per-million",
    ]
    private static let withoutValue = [
        "-D": "--debug", "--debug": "--debug", "--enable-tracing": "--enable-tracing",
    ]

    /// Commands with a `--timeout` of their own.
    private static let ownTimeout: Set<String> = ["stop", "exec"]

    /// The same arguments in the order that the parser knows. What is none of the commands is left for it to refuse.
    static func behindCommand(_ arguments: [String], of commands: Set<String>) -> [String] {
        var rest = arguments[...]
        var moved: [String] = []
        while let argument = rest.first, argument.hasPrefix("-") {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if argument == "-v" {
                return ["--version"]
            } else if let flag = withoutValue[argument] {
                moved.append(flag)
                rest = rest.dropFirst()
            } else if let option = withValue[parts[0]], parts.count == 2 {
                moved += [option, parts[1]]
                rest = rest.dropFirst()
            } else if let option = withValue[argument], rest.count > 1 {
                moved += [option, rest[rest.startIndex + 1]]
                rest = rest.dropFirst(2)
            } else {
                return Array(rest)
            }
        }
        guard let command = rest.first else { return [] }
        if command == "h" { return ["help"] + rest.dropFirst() }
        guard commands.contains(command) else { return Array(rest) }
        let own = rest.dropFirst()
        return [command] + moved + (ownTimeout.contains(command) ? Array(own) : renamingTimeout(own))
    }

    private static func renamingTimeout(_ arguments: ArraySlice<String>) -> [String] {
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        return arguments[..<end].map { argument in
            if argument == "--timeout" { return "--request-timeout" }
            return argument.hasPrefix("--timeout=") ? "--request-" + argument.dropFirst(2) : argument
        } + arguments[end...]
    }
}
