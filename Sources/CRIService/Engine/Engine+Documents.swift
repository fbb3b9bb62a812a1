// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import EngineConfiguration
internal import Linux
internal import Logging
internal import MonitorProtocol
internal import Streaming
internal import Synchronization

extension Engine {
    /// Starts what serves metrics and looks into the engine, where the configuration wants it. The engine does without a server
    /// that cannot start, says so, and tries again.
    package func startDocuments() async {
        let (api, metrics) = (config.api, config.metrics)
        if !metrics.listen.isEmpty {
            let tls = TLSFiles(certificate: metrics.certificate, key: metrics.key, api)
            await start("metrics", at: metrics.listen, tls) { engine, request in
                guard request.path == "/metrics" else { return nil }
                return Document(type: Exposition.mediaType, await engine.exposition(prefix: metrics.prefix))
            }
        }
        if !api.inspect.isEmpty {
            await start("inspection", at: api.inspect, nil) { engine, request in await engine.inspection(request) }
        }
    }

    private typealias Source = @Sendable (Engine, DocumentRequest) async -> Document?

    private func start(_ what: String, at place: String, _ tls: TLSFiles?, _ source: @escaping Source) async {
        do {
            try await serve(what, at: place, tls, source)
        } catch {
            log.error("\(what): \(error); the engine goes on without, and tries again every 10 s")
            Task { [weak self] in
                while true {
                    // Nobody cancels this task.
                    try? await Task.sleep(for: .seconds(10))
                    guard let self else { return }
                    // It is known that it fails.
                    if (try? await self.serve(what, at: place, tls, source)) != nil { return }
                }
            }
        }
    }

    private func serve(_ what: String, at text: String, _ tls: TLSFiles?, _ source: @escaping Source) async throws {
        guard let place = DocumentServer.Place(text) else {
            throw ServiceError(.invalid, "listen on", text, "neither a path nor of the form \"address:port\"")
        }
        let log = log
        let server = try await DocumentServer.start(place, tls: tls) {
            log.warning("\($0)")
        } _: { [weak self] request in
            guard let self else { return nil }
            return await source(self, request)
        }
        log.info("\(what) on \(server.place)")
        documents.withLock { $0.append(server) }
    }

    /// The paths that CRI-O serves beside its CRI, of which cAdvisor reads `/info` and `/containers/ID`.
    func inspection(_ request: DocumentRequest) async -> Document? {
        let parts = request.path.split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case ("config", 1): return Document(type: "application/toml", config.text)
        case ("info", 1): return json(MachineInspection(config, cgroupNaming))
        case ("containers", 2):
            // An id that means nobody, or several.
            guard let container = try? table.container(parts[1]) else { return nil }
            return json(await ContainerInspection(container))
        case ("pause", 2): return await change(parts[1], request, to: .paused)
        case ("unpause", 2): return await change(parts[1], request, to: .running)
        default: return nil
        }
    }

    private func json(_ value: some Encodable) -> Document? {
        // Every value of these types can be encoded.
        (try? JSON.text(value)).map { Document(type: "application/json", $0) }
    }
}

/// What `/info` tells.
private struct MachineInspection: Encodable {
    struct Mappings: Encodable {
        var uids: [String] = []
        var gids: [String] = []
    }

    var storageDriver = "overlay"
    var storageImage = ""
    var storageRoot: String
    var cgroupDriver: String
    var defaultIDMappings = Mappings()

    enum CodingKeys: String, CodingKey {
        case storageDriver = "storage_driver"
        case storageImage = "storage_image"
        case storageRoot = "storage_root"
        case cgroupDriver = "cgroup_driver"
        case defaultIDMappings = "default_id_mappings"
    }

    init(_ config: DaemonConfig, _ naming: CgroupNaming) {
        storageRoot = config.image.root.isEmpty ? config.root : config.image.root
        cgroupDriver = naming.driver.rawValue
    }
}

/// What `/containers/ID` tells.
private struct ContainerInspection: Encodable {
    var name: String
    var pid: Int32
    var image: String
    var imageRef: String
    var createdTime: Int64
    var labels: [String: String]
    var annotations: [String: String]
    var logPath: String
    var root: String
    var sandbox: String
    var ipAddresses: [String]
    var hostNetwork: Bool

    enum CodingKeys: String, CodingKey {
        case name, pid, image, labels, annotations, root, sandbox
        case imageRef = "image_ref"
        case createdTime = "created_time"
        case logPath = "log_path"
        case ipAddresses = "ip_addresses"
        case hostNetwork = "host_network"
    }

    init(_ container: Container) async {
        let (pod, record) = (container.pod, await container.record)
        name = record.name
        pid = await container.state.process?.pid ?? 0
        image = container.config.image.image
        imageRef = record.imageRef
        createdTime = container.createdAt
        labels = container.config.labels
        annotations = container.config.annotations
        logPath = record.logPath
        root = pod.paths.rootfs(container.id)
        sandbox = pod.id
        ipAddresses = await pod.ips
        hostNetwork = pod.plan.usesHostNetwork
    }
}
