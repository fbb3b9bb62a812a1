// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import OCIImageSpec

/// What a pull request proves itself with.
enum Credentials {
    /// A registry token, an identity token, `auth` (base64 of `user:password`), or user and password; nil for none.
    static func read(_ auth: CRI.AuthConfig) throws(ServiceError) -> RegistryCredentials? {
        if !auth.registryToken.isEmpty { return .registryToken(auth.registryToken) }
        if !auth.identityToken.isEmpty { return .identityToken(auth.identityToken) }
        if !auth.username.isEmpty { return .password(user: auth.username, password: auth.password) }
        guard !auth.auth.isEmpty else { return nil }
        // Its content is secret, also in an error.
        guard let found = RegistryCredentials(basic: auth.auth) else {
            throw ServiceError(.invalid, "read credentials", nil, "\"auth\" is not base64 of user:password")
        }
        return found
    }
}
