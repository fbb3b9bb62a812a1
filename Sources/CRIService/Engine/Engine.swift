// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import Cgroups
package import EngineConfiguration
internal import Linux
package import Logging
internal import NRI
internal import Streaming
internal import Synchronization
package import Traces

/// The container engine: everything that pods and containers share, and the entry to all operations.
///
/// ## Concurrency model
/// Immutable after `start`, but for the settings, which are read under a mutex. State that changes is in the actors `Pod`
/// and `Container`, in the table of both, and in the database; no lock is held across a wait.
package final class Engine: Sendable {
    let settings: Mutex<EngineSettings>
    let paths: Paths
    let records: RecordStore
    let images: ImageService
    let loop: DescriptorLoop
    let networks: Networks
    let cgroups: CgroupLayout
    let cgroupNaming: CgroupNaming
    let host: HostFacts
    let appArmor: AppArmorProfiles
    let log: Logger
    let table = ObjectTable()
    let creations: Creations
    let rates = CPURates()
    let layers = WritableLayers()
    /// What requests have cost, and what went wrong.
    package let metrics = EngineMetrics()
    /// Traces requests; nil when the configuration wants none of it.
    package let tracer: Tracer?
    let events: EventHub
    let features = RuntimeFeatures()
    /// Held while a pod's cgroup is made or removed: the parent of all goes with the last.
    let cgroupParentLock = Mutex(())
    /// Held from the choice of a pod's users until the pod is in the table.
    let userChoice = Mutex(())
    /// Once it is started.
    let streaming = Mutex<StreamingServer?>(nil)
    /// The same, where the configuration wants them.
    let documents = Mutex<[DocumentServer]>([])
    /// Plugins, once they may come.
    let pluginHub = Mutex<PluginHub?>(nil)
    private let lock: SharedFD

    /// All of one moment.
    var currentSettings: EngineSettings { settings.withLock { $0 } }
    var config: DaemonConfig { currentSettings.config }
    var handlers: [String: RuntimeHandler] { currentSettings.handlers }

    /// Opens the state, takes the lock of its root, and finds again what the daemon before left: when this returns,
    /// every pod and container has its state. Programs in the configuration are absolute paths.
    package static func start(_ config: DaemonConfig, log: Logger) async throws -> Engine {
        let engine = try await BlockingPool.run { try Engine(config, log: log) }
        try await engine.recover()
        await engine.startPlugins()
        engine.repairImages()
        engine.keepSmall()
        return engine
    }

    private init(_ config: DaemonConfig, log: Logger) throws {
        settings = Mutex(try EngineSettings(config))
        self.log = log
        tracer =
            config.tracing.endpoint.isEmpty
            ? nil : Tracer(TraceSampler(perMillion: config.tracing.samplesPerMillion))
        events = EventHub(metrics: metrics)
        paths = Paths(root: config.root, run: config.run)
        for folder in [config.root, config.run, paths.consoles] {
            try SystemError.attempt("make directory", folder) { () throws(Errno) in
                try Syscall.makeDirectories(folder, mode: 0o711)
            }
        }
        lock = try RootLock.take(paths.lock)
        images = try ImageService(config, metrics)
        records = try RecordStore(path: paths.database)
        loop = try DescriptorLoop()
        networks = Networks(config.cni)
        cgroups = try CgroupLayout.detect()
        cgroupNaming = try CgroupNaming(
            config.runtime.cgroupDriver, parent: config.runtime.cgroupParent, hasSystemd: CgroupNaming.hasSystemd)
        host = try HostFacts.find(cgroups)
        appArmor = AppArmorProfiles(file: paths.appArmorProfile)
        creations = Creations { [metrics] in metrics.noteStalled(at: $0) }
        if host.lowestOOMScore > -1000 {
            log.notice(
                "oom_score_adj below \(host.lowestOOMScore) may not be set here; lower values are raised to it")
        }
    }

    /// The OCI runtime of a name; "" is the default one.
    func handler(_ name: String) throws(ServiceError) -> RuntimeHandler {
        guard let handler = handlers[name.isEmpty ? config.runtime.defaultHandler : name] else {
            let known = handlers.keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
            throw ServiceError(
                .invalid, "find runtime handler", name, "there are only \(known) whose programs are installed")
        }
        return handler
    }

    /// The least limit of memory that a container of the handler may have, in bytes.
    func minimumMemory(of handler: RuntimeHandler) -> Int64 {
        Int64(config.runtime.options(ofHandler: handler.name).minimumMemory)
    }

    /// Gives back every now and then what only the work before needed: the program's code is large, and most of it runs at
    /// the start and with the first request of each kind.
    private func keepSmall() {
        Task {
            while true {
                await BlockingPool.run { ProgramMemory.release() }
                // Nobody cancels this task.
                try? await Task.sleep(for: .seconds(10))
            }
        }
    }

    /// Repeats an undo with growing pauses until it succeeds.
    func repeatUntilDone(_ what: String, _ body: @escaping @Sendable () async throws -> Void) {
        let log = log
        Task {
            var pause = 0.5
            while true {
                do {
                    try await body()
                    return
                } catch {
                    log.warning("\(what), again in \(pause) s: \(error)")
                }
                // Nobody cancels this task.
                try? await Task.sleep(for: .seconds(pause))
                pause = min(pause * 1.5, 60)
            }
        }
    }
}
