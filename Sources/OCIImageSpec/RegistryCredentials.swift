// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials

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

extension RegistryCredentials {
    /// From base64 of `user:password`, as files and the CRI have it; nil when it is something else.
    package init?(basic text: String) {
        guard let data = Data(base64Encoded: text) else { return nil }
        let pair = String(decoding: data, as: UTF8.self)
        guard let colon = pair.firstIndex(of: ":") else { return nil }
        // Some clients pad with NUL.
        let password = pair[pair.index(after: colon)...].prefix { $0 != "\0" }
        self = .password(user: String(pair[..<colon]), password: String(password))
    }
}
