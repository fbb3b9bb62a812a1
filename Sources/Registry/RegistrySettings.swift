// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// How to talk to registries.
package struct RegistrySettings: Sendable {
    /// Registries, as `host[:port]` like in references, whose certificate is not checked and which may be spoken to
    /// without TLS. No registry is insecure by itself, loopback addresses neither.
    package var insecure: Set<String> = []
    /// How long a connection may take to come about.
    package var connectTimeout: Duration = .seconds(15)
    /// How long a registry may send nothing while something is awaited from it.
    package var stallTimeout: Duration = .seconds(60)
    /// How many bytes per second it must send at least, on average over that time.
    package var minimumRate = 1000
    /// How many times a failed request is repeated. A blob counts anew after some progress.
    package var retries = 5
    /// The pause before the first repetition; it doubles from time to time.
    package var firstDelay: Duration = .milliseconds(250)
    /// The longest pause, also when the registry asks for a longer one.
    package var longestDelay: Duration = .seconds(60)
    /// Blobs that are received at the same time from one registry.
    package var downloadsPerRegistry = 6
    /// Blobs that are received at the same time by this process.
    package var downloads = 12
    /// Who is asked instead of the servers themselves.
    package var proxies = ProxySettings()
    /// How the client introduces itself.
    package var userAgent = "skiff"

    /// The defaults.
    package init() {}

    func isInsecure(_ domain: String) -> Bool {
        insecure.contains { $0.lowercased() == domain.lowercased() }
    }
}

/// What a client may do in its repository: the actions that its tokens are asked for.
package enum RegistryAccess: String, Hashable, Sendable {
    case pull
    case push = "pull,push"
}
