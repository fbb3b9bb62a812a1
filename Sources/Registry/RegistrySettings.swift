// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// How to talk to registries.
package struct RegistrySettings: Sendable {
    /// Registries, as `host[:port]` like in references, whose certificate is not checked and which may be spoken to
    /// without TLS. No registry is insecure by itself, loopback addresses neither.
    package var insecure: Set<String> = []
    /// How long a connection may take to come about.
    package var connectTimeout: Duration = .seconds(15)
    /// How long a registry may send nothing while something is awaited from it.
    package var stallTimeout: Duration = .seconds(60)
    /// How many times a failed request is repeated. A blob counts anew after some progress.
    package var retries = 5
    /// The pause before the first repetition; it doubles from time to time.
    package var firstDelay: Duration = .milliseconds(250)
    /// The longest pause, also when the registry asks for a longer one.
    package var longestDelay: Duration = .seconds(60)
    /// How the client introduces itself.
    package var userAgent = "skiff"

    /// The defaults.
    package init() {}

    func isInsecure(_ domain: String) -> Bool {
        insecure.contains { $0.lowercased() == domain.lowercased() }
    }
}

/// Proof of identity towards one registry.
package enum RegistryCredentials: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// For Basic authentication, or to obtain tokens with.
    case password(user: String, password: String)
    /// To obtain tokens with, from a login elsewhere.
    case identityToken(String)
    /// A token to be sent as it is.
    case registryToken(String)

    /// Says nothing secret.
    package var description: String { "credentials" }
    /// Says nothing secret.
    package var debugDescription: String { "credentials" }
}
