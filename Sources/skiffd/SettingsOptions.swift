// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import EngineConfiguration
import Linux

/// Where the settings come from: a file, and options that override it.
struct SettingsOptions: ParsableArguments {
    @Option(help: "Configuration file. Default: \(DaemonConfig.defaultFile), if it is there.")
    var config: String?

    @Option(help: "Folder of what survives a reboot.")
    var root: String?

    @Option(help: "Folder of what lives until the next boot.")
    var run: String?

    @Option(help: "Unix socket of the CRI.")
    var listen: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String?

    /// The settings in force.
    func load() throws -> DaemonConfig {
        let overrides = [
            ("root", try root.map(Self.absolute)), ("run", try run.map(Self.absolute)), ("log_level", logLevel),
        ]
        var text = overrides.compactMap { key, value in value.map { "\(key) = \(Self.quoted($0))\n" } }.joined()
        if let listen { text += "[api]\nlisten = \(Self.quoted(try Self.absolute(listen)))\n" }
        return try DaemonConfig.load(config, overrides: (name: "command line", text: text))
    }

    private static func absolute(_ path: String) throws -> String {
        path.hasPrefix("/") ? path : "\(try Syscall.currentDirectory())/\(path)"
    }

    /// A basic string of TOML.
    private static func quoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : "\($0)" }.joined() + "\""
    }
}
