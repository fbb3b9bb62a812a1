// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

extension DaemonConfig {
    /// The same with absolute paths of the monitor and of every handler's runtime. A bare name is looked up in `folder`
    /// (that of the running program), then in the directories of `path`, a value of PATH. Throws for a monitor or a default
    /// runtime that is missing or not executable; another handler whose runtime is so is left out, and told: a node does not
    /// stop working because one of its runtimes was removed.
    package func locatingPrograms(
        beside folder: String, path: String
    ) throws(ConfigurationError) -> (config: DaemonConfig, unusable: [ConfigurationError]) {
        func locate(_ name: String, _ key: String) throws(ConfigurationError) -> String {
            guard !name.contains("/") else {
                do throws(Errno) {
                    try Syscall.checkAccess(name, mode: 1)
                } catch {
                    throw ConfigurationError(key: key, cause: "\"\(name)\": \(error)")
                }
                return name
            }
            guard let found = ChildPlan.find(name, path: "\(folder):\(path)") else {
                throw ConfigurationError(key: key, cause: "no program \"\(name)\" in \"\(folder)\" or on PATH")
            }
            return found
        }
        var config = self
        var unusable: [ConfigurationError] = []
        config.runtime.monitor = try locate(runtime.monitor, "runtime.monitor")
        for (name, handler) in runtime.handlers.sorted(by: { $0.key < $1.key }) {
            let path = handler.path.isEmpty ? name : handler.path
            do throws(ConfigurationError) {
                config.runtime.handlers[name]?.path = try locate(path, "\(RuntimeHandlerConfig.section).\(name).path")
            } catch {
                guard name != runtime.defaultHandler else { throw error }
                config.runtime.handlers[name] = nil
                unusable.append(error)
            }
        }
        return (config, unusable)
    }
}
