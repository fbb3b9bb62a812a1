// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// A plugin that the engine starts: a program of the folder of plugins.
struct InstalledPlugin: Sendable {
    let name: PluginName
    let path: String
    let configuration: String

    /// The programs in the folder whose names are those of plugins. A folder that is not there has none.
    static func find(_ folder: String, _ configurations: String, _ host: any PluginHost) -> [InstalledPlugin] {
        guard !folder.isEmpty, let files = try? Syscall.entries(folder) else { return [] }
        return files.sorted().compactMap { file in
            let path = "\(folder)/\(file)"
            guard let status = try? Syscall.status(path), status.kind == .regular, status.permissions & 0o111 != 0
            else {
                return nil
            }
            guard let name = PluginName(file: file) else {
                host.report(.trouble("NRI: \"\(path)\" is not started: its name is not of the form 10-name"))
                return nil
            }
            return InstalledPlugin(name: name, path: path, configuration: configuration(of: name, in: configurations))
        }
    }

    /// The first of the plugin's own files; "" without one.
    private static func configuration(of name: PluginName, in folder: String) -> String {
        let texts = [name.description, name.name].lazy.compactMap { try? Syscall.readText("\(folder)/\($0).conf") }
        return texts.first ?? ""
    }

    /// Starts the program with its connection as descriptor 3.
    func start() throws(SystemError) -> (socket: SharedFD, process: PluginProcess) {
        try SystemError.attempt("start", path) { () throws(Errno) in
            var pair = try UnixSocket.pair(.stream)
            guard let own = pair.takeFirst(), let other = pair.takeSecond() else { throw .EBADF }
            let theirs = OwnedFD(adopting: other.release())
            let null = try Syscall.open("/dev/null", [.readOnly])
            var plan = ChildPlan(
                path, [path],
                environment: [
                    "NRI_PLUGIN_NAME=\(name.name)", "NRI_PLUGIN_IDX=\(name.index)", "NRI_PLUGIN_SOCKET=3",
                    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                ],
                descriptors: [null.rawValue, 2, 2, theirs.rawValue])
            // Another one is started with the next daemon.
            plan.parentDeathSignal = .kill
            let child = try ChildProcess(plan)
            // Not before: the child has copies of these.
            try null.close()
            try theirs.close()
            return (SharedFD(OwnedFD(adopting: own.release())), PluginProcess(child.detach().pidfd))
        }
    }
}

/// The process of an installed plugin.
final class PluginProcess: Sendable {
    private let pidfd: SharedPidFD

    init(_ pidfd: SharedPidFD) { self.pidfd = pidfd }

    /// Kills and reaps it.
    func end() {
        let pidfd = pidfd
        Task {
            await BlockingPool.run {
                // It may have ended by itself.
                try? pidfd.pidfd.send(.kill)
                _ = try? pidfd.pidfd.reap()
            }
        }
    }
}
