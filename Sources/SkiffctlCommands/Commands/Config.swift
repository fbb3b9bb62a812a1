// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import FoundationEssentials
import Linux

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Print and change the settings file.",
        usage: """
            skiffctl config --list | --get <key> | --set <key>=<value>[,...] ...
            skiffctl config <key> <value>
            """,
        discussion: "Keys: " + SettingsFile.keys.joined(separator: ", ") + ".")

    @Flag(help: "Print all settings.")
    var list = false
    @Option(help: "Print the value of this key.")
    var get: String?
    @Option(help: "Set this key, key=value; may be repeated, or list several with commas.")
    var set: [String] = []
    @Argument(help: "A key and its value.")
    var pair: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard [list, get != nil, !set.isEmpty, !pair.isEmpty].count(where: { $0 }) == 1, pair.isEmpty || pair.count == 2
        else { throw ValidationError("Give --list, --get, --set, or a key and a value.") }
        _ = try changes()
    }

    private func changes() throws -> [(key: String, value: String)] {
        if pair.count == 2 { return [(pair[0], pair[1])] }
        return try set.flatMap { $0.split(separator: ",") }.map { text in
            guard let pair = ListFilter.pair(text) else {
                throw ValidationError("not of the form key=value: \"\(text)\"")
            }
            return pair
        }
    }

    func run() throws {
        let path = global.settingsFile(ProcessInfo.processInfo.environment) ?? SettingsFile.standardPath
        var file = Syscall.exists(path) ? try SettingsFile.load(path) : SettingsFile()
        if list {
            var table = Table(["KEY", "VALUE"])
            for key in SettingsFile.keys { table.append([key, try file.value(key)]) }
            return try table.print()
        }
        if let get { return try Console.print(try file.value(get)) }
        for change in try changes() { try file.set(change.key, change.value) }
        let text = try YAML.text(file.document)
        try SystemError.attempt("write", path) { () throws(Errno) in
            try AtomicFile.write(path, text, durable: true)
        }
    }
}
