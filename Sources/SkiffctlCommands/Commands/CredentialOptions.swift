// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI
import FoundationEssentials
import Linux

/// Credentials for the registry. Options come before CRICTL_CREDS and CRICTL_AUTH of the environment.
struct CredentialOptions: ParsableArguments {
    @Option(help: "User and password, USER[:PASSWORD].")
    var creds: String?
    @Option(help: "User and password in base64, as docker keeps them.")
    var auth: String?
    @Option(name: .shortAndLong, help: "User; the password is asked for, or is a line of standard input.")
    var username: String?

    func validate() throws {
        if [creds, auth, username].count(where: { $0 != nil }) > 1 {
            throw ValidationError("Give one of --creds, --auth and --username.")
        }
        if let creds, creds.first == ":" || creds.isEmpty {
            throw ValidationError("The credentials are not of the form USER[:PASSWORD].")
        }
        if username == "" { throw ValidationError("The user has no name.") }
    }

    /// Nil if none were given. Asks for the password that is missing.
    func config(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Runtime_V1_AuthConfig? {
        var config = Runtime_V1_AuthConfig()
        let isGiven = creds != nil || auth != nil
        if let username {
            config.username = username
            config.password = try PasswordPrompt.ask(for: username)
        } else if let auth = auth ?? (isGiven ? nil : environment["CRICTL_AUTH"]) {
            config.auth = auth
        } else if let creds = creds ?? environment["CRICTL_CREDS"] {
            let colon = creds.firstIndex(of: ":") ?? creds.endIndex
            config.username = String(creds[..<colon])
            config.password = String(creds[colon...].dropFirst())
        } else {
            return nil
        }
        return config
    }
}
