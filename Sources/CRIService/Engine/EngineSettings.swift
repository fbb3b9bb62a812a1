// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import EngineConfiguration
internal import Linux
internal import Logging
internal import Synchronization

/// The configuration in force, and what follows from it.
struct EngineSettings: Sendable {
    var config: DaemonConfig
    /// OCI runtimes by name.
    let handlers: [String: RuntimeHandler]
    /// What RuntimeDefault stands for, with the handlers that have their own.
    private let seccomp: SeccompProfile
    private let handlerSeccomp: [String: SeccompProfile]
    /// Of privileged containers; nil for none.
    let privilegedSeccomp: SeccompProfile?

    init(_ config: DaemonConfig) throws {
        self.config = config
        handlers = Dictionary(
            uniqueKeysWithValues: config.runtime.handlers.map { name, handler in
                (name, RuntimeHandler(name: name, path: handler.path, root: handler.root))
            })
        seccomp = try Self.profile(config.runtime.seccompProfile) ?? .standard
        handlerSeccomp = try config.runtime.handlers.compactMapValues { try Self.profile($0.seccompProfile) }
        privilegedSeccomp = try Self.profile(config.runtime.privilegedSeccompProfile)
    }

    /// What RuntimeDefault stands for with the handler.
    func standardSeccomp(of handler: String) -> SeccompProfile { handlerSeccomp[handler] ?? seccomp }

    private static func profile(_ path: String) throws -> SeccompProfile? {
        guard !path.isEmpty else { return nil }
        let bytes = try SystemError.attempt("read seccomp profile", path) { () throws(Errno) in
            try Syscall.readFile(path, limit: 1 << 20)
        }
        return try SeccompProfile(parsing: bytes, file: path)
    }
}

extension Engine {
    /// Takes over what may change while pods run: how containers are made, the handlers, and which images are pinned.
    /// Programs in the configuration are absolute paths. On an error everything stays as it was.
    package func reload(_ wanted: DaemonConfig) throws {
        var config = config
        config.logLevel = wanted.logLevel
        config.image.pinned = wanted.image.pinned
        let (parent, monitor) = (config.runtime.cgroupParent, config.runtime.monitor)
        config.runtime = wanted.runtime
        config.checkpoints = wanted.checkpoints
        (config.runtime.cgroupParent, config.runtime.monitor) = (parent, monitor)
        let settings = try EngineSettings(config)
        self.settings.withLock { $0 = settings }
        log.notice("the configuration was read again")
        if config != wanted { log.warning("some settings have changed that count only when skiffd is started again") }
    }

    /// What a watchdog asks for: whether requests can be answered.
    package func checkLife() async throws { _ = try await status(verbose: false) }
}
