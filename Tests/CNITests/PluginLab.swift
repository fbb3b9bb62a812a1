// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CNI
import Linux
import TestSupport

/// Plugins that are shell scripts: real programs which write down how they were called. Everything is in one folder.
final class PluginLab: Sendable {
    let folder: TemporaryDirectory
    let runtime: CNIRuntime
    let attachment = NetworkAttachment(
        containerID: "pod-1", namespace: "", interface: "eth0",
        arguments: [("IgnoreUnknown", "1"), ("K8S_POD_NAME", "a")],
        capabilityArguments: ["portMappings": .array([["hostPort": .integer(80)]]), "mac": "aa:bb:cc:dd:ee:ff"])

    /// Each plugin's script gets the command in `$CNI_COMMAND` and its configuration in `$input`.
    init(_ plugins: [String: String], timeout: Duration = .seconds(60)) throws {
        folder = try TemporaryDirectory()
        try Signal.pipe.ignore()
        try Syscall.makeDirectories(folder.path + "/bin")
        for (name, script) in plugins {
            let text = """
                #!/bin/sh
                input=$(cat)
                echo "$CNI_COMMAND \(name) id=$CNI_CONTAINERID if=$CNI_IFNAME ns=$CNI_NETNS args=$CNI_ARGS" \
                    >>\(folder.path)/calls
                printf '%s' "$input" >\(folder.path)/\(name).$CNI_COMMAND
                result() { echo '{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.'$1'/24"}]}'; }
                fail() { echo '{"cniVersion":"1.0.0","code":'$1',"msg":"'"$2"'","details":"'"$3"'"}'; exit 1; }
                \(script)

                """
            try Executable.write("\(folder.path)/bin/\(name)", text)
        }
        runtime = CNIRuntime(
            binDirs: [folder.path + "/nothing", folder.path + "/bin"], cacheDir: folder.path + "/cache/cni",
            timeout: timeout)
    }

    /// A list of these plugins; `more` is put into each one's configuration.
    func list(_ plugins: [String], more: String = "", version: String = "1.0.0") throws -> NetworkList {
        let list = plugins.map { "{\"type\":\"\($0)\"\(more)}" }.joined(separator: ",")
        let text = "{\"cniVersion\":\"\(version)\",\"name\":\"net\",\"plugins\":[\(list)]}"
        return try NetworkList(parsing: text.utf8, file: "net.conflist")
    }

    /// The calls since the last time: `ADD one`, ...
    func calls() throws -> [String] {
        guard Syscall.exists(folder.path + "/calls") else { return [] }
        let lines = try Syscall.readText(folder.path + "/calls").split(separator: "\n")
        try Syscall.removeFile(folder.path + "/calls")
        return lines.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
    }

    /// What the plugin last read at that command.
    func input(_ plugin: String, _ command: String) throws -> JSONValue {
        try JSONValue(parsing: Syscall.readFile("\(folder.path)/\(plugin).\(command)"))
    }

    /// The files of the cache, without the lock that a record has beside it.
    func records() throws -> [String] {
        let cache = folder.path + "/cache/cni"
        let names = Syscall.exists(cache) ? try Syscall.entries(cache).sorted() : []
        return names.filter { !$0.hasSuffix(".lock") || !names.contains("\($0.dropLast(5)).json") }
    }
}
