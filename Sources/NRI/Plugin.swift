// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI
internal import SwiftProtobuf

/// A plugin that has registered.
final class Plugin: Sendable {
    let name: PluginName
    let connection: PluginConnection
    /// How long it may take to answer.
    let limit: Duration
    private let events: Int32

    /// Every event that there is.
    static let allEvents: Int32 = 1 << 14 - 1

    /// With the events that it wants: bit N-1 is event N, none are all.
    init(_ name: PluginName, _ connection: PluginConnection, limit: Duration, events: Int32) throws(PluginError) {
        guard events & ~Self.allEvents == 0 else {
            throw PluginError(.broken, "Configure", name.description, "it wants events that there are not: \(events)")
        }
        self.name = name
        self.connection = connection
        self.limit = limit
        self.events = events == 0 ? Self.allEvents : events
    }

    func wants(_ event: NRIEvent) -> Bool { events & (1 << Int32(event.rawValue - 1)) != 0 }

    /// Asks it; throws when it says no. A plugin that does not answer, or not so that it can be understood, is given up,
    /// and its answer is nil.
    func ask<Answer: Message>(_ method: String, _ request: some Message) async throws(PluginError) -> Answer? {
        try await Self.ask(method, request, of: name.description, connection, within: limit)
    }

    static func ask<Answer: Message>(
        _ method: String, _ request: some Message, of name: String, _ connection: PluginConnection,
        within limit: Duration
    ) async throws(PluginError) -> Answer? {
        // Messages without required fields can always be encoded.
        let payload: [UInt8] = (try? request.serializedBytes()) ?? []
        switch await connection.call(method, payload, within: limit) {
        case .success(let payload):
            if let answer = try? Answer(serializedBytes: payload) { return answer }
            connection.end("its answer to \(method) is malformed")
            return nil
        case .failure(.refused(let text)): throw PluginError(.refused, method, name, text)
        case .failure(.broken): return nil
        }
    }
}
