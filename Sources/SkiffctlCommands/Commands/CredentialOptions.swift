// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

/// Credentials for the registry.
struct CredentialOptions: ParsableArguments {
    @Option(help: "User and password, USER:PASSWORD.")
    var creds: String?
    @Option(help: "User and password in base64, as docker keeps them.")
    var auth: String?

    func validate() throws {
        if creds != nil, auth != nil { throw ValidationError("Give either --creds or --auth.") }
        if let creds, creds.first == ":" || !creds.contains(":") {
            throw ValidationError("The credentials are not of the form USER:PASSWORD.")
        }
    }

    /// Nil if none were given.
    func config() -> Runtime_V1_AuthConfig? {
        var config = Runtime_V1_AuthConfig()
        if let auth {
            config.auth = auth
        } else if let creds, let colon = creds.firstIndex(of: ":") {
            config.username = String(creds[..<colon])
            config.password = String(creds[creds.index(after: colon)...])
        } else {
            return nil
        }
        return config
    }
}
