// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import Linux
import Streaming

struct PortForward: EngineCommand {
    static let configuration = CommandConfiguration(
        commandName: "port-forward", abstract: "Forward local ports to ports of a pod, until it is interrupted.")

    @Option(help: "Local address to listen on.")
    var address = "127.0.0.1"
    @Argument(help: "Id of the pod, or its beginning.")
    var pod: String
    @Argument(help: "[LOCAL:]REMOTE; without LOCAL it is the same, with an empty one any that is free.")
    var ports: [String]
    @OptionGroup var streaming: StreamingOptions
    @OptionGroup var global: GlobalOptions

    func validate() throws {
        for text in ports { _ = try Self.pair(text) }
    }

    /// The local and the remote port.
    static func pair(_ text: String) throws -> (local: UInt16, remote: UInt16) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let remote = parts.last.flatMap({ UInt16($0) }), remote > 0,
            let local = parts.count == 1 ? remote : parts[0].isEmpty ? 0 : UInt16(parts[0])
        else { throw ValidationError("\"\(text)\" is not of the form [LOCAL:]REMOTE.") }
        return (local, remote)
    }

    func run(_ engine: Engine) async throws {
        let id = try await engine.pod(pod, for: "forward ports of").id
        let pairs = try ports.map(Self.pair)
        var listeners: [PortForwardClient.Listener] = []
        for (local, remote) in pairs {
            let socket = try SystemError.attempt("listen on", "\(address):\(local)") { () throws(Errno) in
                SharedFD(try InternetSocket.listen(address, port: local))
            }
            let port = try SystemError.attempt("listen on", "\(address):\(local)") { () throws(Errno) in
                try InternetSocket.localPort(socket.rawValue)
            }
            listeners.append(PortForwardClient.Listener(socket: socket, port: remote))
            let host = address.contains(":") ? "[\(address)]" : address
            try Console.print("Forwarding from \(host):\(port) -> \(remote)")
        }
        var request = Runtime_V1_PortForwardRequest()
        request.podSandboxID = id
        request.port = pairs.map { Int32($0.remote) }
        let response = try await engine.call("forward ports of pod", id) {
            try await engine.runtime.portForward(request, options: $0)
        }
        do {
            try await PortForwardClient.run(
                response.url, trust: streaming.trust, over: streaming.transport, listeners
            ) { Console.note($0) }
        } catch {
            throw CommandError("forward ports of pod", id, "\(error)")
        }
    }
}
