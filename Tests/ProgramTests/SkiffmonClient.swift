// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux
import MonitorProtocol

/// A connection that waits for the answer to each request and keeps what came before it.
final class SkiffmonClient {
    private var connection: MonitorConnection
    private let path: String
    private(set) var kept: [MonitorMessage] = []

    struct Silent: Error {}
    struct Unexpected: Error { var message: MonitorMessage }

    /// Speaks a version of the protocol, and says so.
    init(path: String, version: UInt16 = MonitorMessage.version) throws {
        self.path = path
        connection = try MonitorConnection(path: path, version: version)
        _ = try ask(.hello(version: version))
    }

    /// Ends the connection.
    func close() throws { connection = try MonitorConnection(path: path) }

    /// Closes those that came with the last message.
    func dropDescriptors() { connection.dropDescriptors() }

    func send(_ request: MonitorRequest, _ descriptors: [Int32] = []) throws -> UInt32 {
        try connection.send(request, descriptors: descriptors)
    }

    /// The first answer to the request.
    func ask(_ request: MonitorRequest, _ descriptors: [Int32] = []) throws -> MonitorReply {
        try answer(to: try send(request, descriptors))
    }

    /// The next answer to the request of that number.
    func answer(to number: UInt32) throws -> MonitorReply {
        try take { if case .reply(number, let reply) = $0 { reply } else { nil } }
    }

    /// The descriptors that came with the last message.
    var descriptors: [SharedFD] { connection.descriptors }

    /// The exit of that container.
    func exit(of container: String) throws -> ExitRecord {
        try take { if case .event(.exited(container, let record)) = $0 { record } else { nil } }
    }

    /// Nil at the end of the connection.
    func next() throws -> MonitorMessage? { try connection.receive(milliseconds: 60_000) }

    private func take<Value>(_ match: (MonitorMessage) -> Value?) throws -> Value {
        for (index, message) in kept.enumerated() {
            if let value = match(message) {
                kept.remove(at: index)
                return value
            }
        }
        while let message = try next() {
            if let value = match(message) { return value }
            kept.append(message)
        }
        throw Silent()
    }
}
