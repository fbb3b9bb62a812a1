// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import OCIImageSpec
import Registry
import Testing

/// How many blobs are received at the same time, from one registry and in all.
@Suite struct DownloadBoundsTests {
    private let blob = ScriptedBlob(pattern(1000))

    /// Servers that begin each blob and never end it, and tasks that want four from each.
    private func asked(perRegistry: Int, inAll: Int) async throws -> [Int] {
        let servers = try await [server(), server()]
        var settings = RegistrySettings()
        settings.insecure = Set(servers.map(\.address))
        (settings.downloadsPerRegistry, settings.downloads) = (perRegistry, inAll)
        let registries = Registries(settings)
        let tasks = try servers.flatMap { server in
            let client = registries.client(try Reference(parsing: "\(server.address)/x"))
            return (0..<4).map { _ in Task { [blob] in try await client.blob(blob.descriptor) { _ in } } }
        }
        let most = min(2 * perRegistry, inAll)
        for _ in 0..<500 where servers.reduce(0, { $0 + $1.requests.count }) < most {
            try await Task.sleep(for: .milliseconds(10))
        }
        // Time for those that should wait.
        try await Task.sleep(for: .milliseconds(100))
        let counts = servers.map(\.requests.count)
        for task in tasks { task.cancel() }
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
        return counts
    }

    private func server() async throws -> ScriptedServer {
        try await ScriptedServer { [blob] in $0.path == blob.path ? blob.beginning(10, .stalled) : .missing }
    }

    @Test func aRegistryIsAskedForSoManyAtATime() async throws {
        #expect(try await asked(perRegistry: 2, inAll: 100) == [2, 2])
    }

    /// A server that trickles does not keep the turn of others.
    @Test(.timeLimit(.minutes(5))) func aSlowServerLosesItsTurn() async throws {
        let servers = try await [
            ScriptedServer { [blob] in $0.path == blob.path ? blob.beginning(0, .trickling) : .missing },
            ScriptedServer { [blob] in $0.path == blob.path ? blob.range($0) : .missing },
        ]
        var settings = RegistrySettings()
        settings.insecure = Set(servers.map(\.address))
        settings.downloads = 1
        settings.stallTimeout = .seconds(1)
        let registries = Registries(settings)
        let clients = try servers.map { registries.client(try Reference(parsing: "\($0.address)/x")) }
        let slow = Task { [blob] in try await clients[0].blob(blob.descriptor) { _ in } }
        for _ in 0..<500 where servers[0].requests.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await clients[1].content(blob.descriptor) == blob.bytes)
        slow.cancel()
        await #expect(throws: (any Error).self) { try await slow.value }
    }

    @Test func allRegistriesTogetherAreAskedForSoMany() async throws {
        #expect(try await asked(perRegistry: 100, inAll: 3).reduce(0, +) == 3)
    }
}
