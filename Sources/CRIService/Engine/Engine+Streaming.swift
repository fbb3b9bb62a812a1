// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import Logging
internal import Streaming
internal import Synchronization

extension Engine {
    /// Starts the server of exec, attach and port-forward.
    package func startStreaming() async throws {
        let api = config.api
        let files = TLSFiles(
            certificate: api.streamCertificate, key: api.streamKey, clientAuthority: api.streamClientAuthority, api)
        let settings = StreamingServer.Settings(
            address: api.streamAddress, port: api.streamPort, idleTimeout: api.streamIdleTimeout, tls: files)
        let log = log
        let server = try await StreamingServer.start(settings, handler: StreamingBackend(self)) { log.warning("\($0)") }
        log.info("streaming on \(server.address)")
        streaming.withLock { $0 = server }
    }

    /// A URL that carries a command's streams. Nothing runs before somebody comes for it.
    func execURL(_ id: String, _ command: [String], _ streams: StandardStreams) async throws -> String {
        let container = try table.container(id)
        do {
            guard !command.isEmpty else { throw ServiceError(.invalid, "run", nil, "the request has no command") }
            try Self.check(streams)
            try await container.checkRunning()
            return try url(.exec(container: container.id, command: command, streams))
        } catch { throw ServiceError.wrap(error, "exec in container", container.id) }
    }

    /// A URL that carries the streams of the container's own process.
    func attachURL(_ id: String, _ streams: StandardStreams) async throws -> String {
        let container = try table.container(id)
        do {
            try Self.check(streams)
            try await container.checkAlive()
            return try url(.attach(container: container.id, streams))
        } catch { throw ServiceError.wrap(error, "attach to container", container.id) }
    }

    /// A URL that carries connections to ports of a pod.
    func portForwardURL(_ id: String, ports: [Int32]) async throws -> String {
        let pod = try table.pod(id)
        do {
            let ports = try ports.map { number in
                guard let port = UInt16(exactly: number), port > 0 else {
                    throw ServiceError(.invalid, "set port", "\(number)", "want 1 to 65535")
                }
                return port
            }
            guard await pod.isReady else { throw ServiceError(.state, "use pod", pod.id, "it is not ready") }
            return try url(.portForward(pod: pod.id, ports: ports))
        } catch { throw ServiceError.wrap(error, "forward ports of pod", pod.id) }
    }

    private static func check(_ streams: StandardStreams) throws(ServiceError) {
        guard streams.stdin || streams.stdout || streams.stderr else {
            throw ServiceError(.invalid, "carry streams", nil, "the request names none of stdin, stdout and stderr")
        }
        if streams.terminal, streams.stderr {
            throw ServiceError(.invalid, "carry streams", nil, "a terminal has no stderr of its own")
        }
    }

    private func url(_ request: StreamRequest) throws(ServiceError) -> String {
        guard let server = streaming.withLock({ $0 }) else {
            throw ServiceError(.unavailable, "make a URL", nil, "the streaming server is not there yet")
        }
        guard let url = server.url(for: request) else {
            throw ServiceError(.unavailable, "make a URL", nil, "too many wait for their use")
        }
        return url
    }
}
