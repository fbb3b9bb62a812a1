// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec
internal import Synchronization

/// The registries this process talks to: connections, addresses and tokens, shared by all pulls.
///
/// Make one per process. Connections close when the last client made from it is gone.
package final class Registries: Sendable {
    private let settings: RegistrySettings
    private let connections: HTTPConnections
    private let hosts = Mutex<[String: RegistryHost]>([:])

    /// No registry is contacted yet.
    package init(_ settings: RegistrySettings = RegistrySettings()) {
        self.settings = settings
        self.connections = HTTPConnections(settings)
    }

    /// The client of the repository the reference names.
    package func client(_ reference: Reference, credentials: RegistryCredentials? = nil) -> RegistryClient {
        let host = hosts.withLock { hosts in
            let known = hosts[reference.domain]
            let host =
                known
                ?? RegistryHost(
                    domain: reference.domain, isInsecure: settings.isInsecure(reference.domain),
                    connections: connections)
            hosts[reference.domain] = host
            return host
        }
        let scope = "repository:\(reference.path):pull"
        return RegistryClient(
            reference: reference, settings: settings, host: host,
            authenticator: Authenticator(host: host, credentials: credentials, scope: scope))
    }
}
