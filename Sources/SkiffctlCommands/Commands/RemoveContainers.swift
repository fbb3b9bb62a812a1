// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import Linux

struct RemoveContainers: EngineCommand {
    static let configuration = CommandConfiguration(commandName: "rm", abstract: "Remove containers.")

    @Flag(name: .shortAndLong, help: "Stop a container first that is running.")
    var force = false
    @Flag(name: .shortAndLong, help: "Leave the log and what it was rotated to.")
    var keepLogs = false
    @Flag(name: .shortAndLong, help: "Remove all containers.")
    var all = false
    @Argument(help: "Ids of containers, or their beginnings.")
    var containers: [String] = []
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard all != containers.isEmpty else { return }
        throw ValidationError(all ? "Give either --all or ids." : "Give ids of containers, or --all.")
    }

    func run(_ engine: Engine) async throws {
        if all {
            try await forEach(try await engine.containers()) { try await remove($0, engine) }
        } else {
            try await forEach(containers) { try await remove(try await engine.container($0, for: "remove"), engine) }
        }
    }

    private func remove(_ container: Runtime_V1_Container, _ engine: Engine) async throws {
        if container.state == .containerRunning {
            guard force else {
                throw CommandError("remove container", container.id, "it is running: stop it first, or use --force")
            }
            try await engine.stopContainer(container.id, seconds: 0)
        }
        let log = keepLogs ? "" : try await engine.status(ofContainer: container.id).status.logPath
        var request = Runtime_V1_RemoveContainerRequest()
        request.containerID = container.id
        _ = try await engine.call("remove container", container.id, patience: .work(0)) {
            try await engine.runtime.removeContainer(request, options: $0)
        }
        try Self.removeLogs(log)
        try Console.print(container.id)
    }

    /// The file, and those that begin with its name and a dot, which is how logs are rotated. What is no regular file, such as
    /// the /dev/null of a container without a log, stays.
    private static func removeLogs(_ path: String) throws {
        guard let slash = path.lastIndex(of: "/") else { return }
        let (folder, name) = (String(path[...slash]), String(path[path.index(after: slash)...]))
        try SystemError.attempt("remove logs in", folder) { () throws(Errno) in
            let names: [String]
            do throws(Errno) { names = try Syscall.entries(folder) } catch .ENOENT { return }
            for found in names where found == name || found.hasPrefix(name + ".") {
                do throws(Errno) {
                    guard try Syscall.linkStatus(folder + found).kind == .regular else { continue }
                    try Syscall.removeFile(folder + found)
                } catch .ENOENT {}
            }
        }
    }
}
