// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration

/// The configuration in force, in the form in which Status tells it.
struct ConfigInfo: Encodable {
    struct Handler: Encodable {
        var path: String
        var root: String
    }

    var root: String
    var run: String
    var listen: String
    var logLevel: String
    var cniConfDir: String
    var cniBinDirs: [String]
    var cniCacheDir: String
    var cniDefaultNetwork: String
    var defaultHandler: String
    var handlers: [String: Handler]
    var cgroupDriver: String
    var cgroupParent: String
    var monitor: String
    var pidsLimit: Int
    var logSizeLimit: Int
    var defaultCapabilities: [String]
    var insecureRegistries: [String]
    var platform: String
    var registriesConf: String
    var policy: String

    init(_ config: DaemonConfig, _ naming: CgroupNaming) {
        root = config.root
        run = config.run
        listen = config.api.listen
        logLevel = config.logLevel.rawValue
        cniConfDir = config.cni.confDir
        cniBinDirs = config.cni.binDirs
        cniCacheDir = config.cni.cacheDir
        cniDefaultNetwork = config.cni.defaultNetwork
        defaultHandler = config.runtime.defaultHandler
        handlers = config.runtime.handlers.mapValues { Handler(path: $0.path, root: $0.root) }
        cgroupDriver = naming.driver.rawValue
        cgroupParent = naming.parent
        monitor = config.runtime.monitor
        pidsLimit = config.runtime.pidsLimit
        logSizeLimit = config.runtime.logSizeLimit
        defaultCapabilities = config.runtime.defaultCapabilities
        insecureRegistries = config.image.insecureRegistries
        platform = config.image.platform
        registriesConf = config.image.registriesConf
        policy = config.image.policy
    }
}
