// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1
package import OCIImageSpec
internal import Synchronization

/// The registries this process talks to: connections, addresses and tokens, shared by all pulls.
///
/// Make one per process. Connections close when the last client made from it is gone.
package final class Registries: Sendable {
    private struct Key: Hashable {
        var domain: String
        var isInsecure: Bool
        var certificates: RegistryCertificates
    }

    private let settings: RegistrySettings
    private let connections: HTTPConnections
    private let hosts = Mutex<[Key: RegistryHost]>([:])

    /// No registry is contacted yet.
    package init(_ settings: RegistrySettings = RegistrySettings()) {
        self.settings = settings
        self.connections = HTTPConnections(settings)
    }

    /// The client of the repository the reference names, or of the place where that repository is to be found instead.
    package func client(
        _ reference: Reference, at location: RegistryLocation? = nil, credentials: RegistryCredentials? = nil,
        access: RegistryAccess = .pull, retries: Int? = nil
    ) -> RegistryClient {
        var settings = settings
        // Where there is another place to ask, one that is down is not waited for.
        if let retries { settings.retries = min(retries, settings.retries) }
        let location =
            location
            ?? RegistryLocation(
                domain: reference.domain, path: reference.path, isInsecure: settings.isInsecure(reference.domain))
        let host = host(of: location)
        return RegistryClient(
            reference: reference, location: location, settings: settings, host: host, access: access,
            authenticator: Authenticator(
                host: host, credentials: credentials, scope: "repository:\(location.path):\(access.rawValue)"))
    }

    /// A document from anywhere, fetched without credentials; nil when it is not there. Throws `RegistryError`.
    package func document(_ url: String, limit: Int) async throws -> [UInt8]? {
        do {
            guard let target = URL(string: url), target.host != nil else {
                throw RequestFailure(.invalid, "not a URL")
            }
            return try await connections.retrying {
                let answer = try await connections.send(HTTPConnections.Request(url: target))
                if answer.status == .ok { return try await connections.body(answer, limit: limit) }
                let failure = try await connections.failure(answer)
                if failure.code == .notFound { return nil }
                throw failure
            }
        } catch let failure as RequestFailure {
            throw failure.error(operation: "fetch", subject: url)
        }
    }

    private func host(of location: RegistryLocation) -> RegistryHost {
        let key = Key(
            domain: location.domain, isInsecure: location.isInsecure, certificates: location.certificates)
        return hosts.withLock { hosts in
            let host = hosts[key] ?? RegistryHost(location, connections: connections, settings)
            hosts[key] = host
            return host
        }
    }
}
