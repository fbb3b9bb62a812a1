// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import EngineConfiguration
import Linux

/// `skiffd config`: prints the settings.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Prints the configuration in force, or the default one with comments.")

    @OptionGroup var settings: SettingsOptions

    @Flag(name: .customLong("default"), help: "Print a file with every key and its default.")
    var printsDefault = false

    func run() throws {
        try Syscall.writeAll(1, Array((printsDefault ? DaemonConfig.defaultText : settings.load().text).utf8))
    }
}
