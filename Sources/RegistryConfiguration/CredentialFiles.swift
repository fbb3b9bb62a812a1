// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec

/// Where credentials are kept: files in the order in which they are searched, and helper programs.
package struct CredentialFiles: Sendable {
    private let paths: [String]
    private let first: OneTimeCredentials?
    private let environment: [String: String]
    private let timeout: Duration

    /// `first` comes before all files; `environment` is what helper programs get, and `timeout` how long one may take.
    package init(
        _ paths: [String], after first: OneTimeCredentials? = nil, environment: [String: String],
        timeout: Duration = .seconds(30)
    ) {
        self.paths = paths
        self.first = first
        self.environment = environment
        self.timeout = timeout
    }

    /// The credentials for a repository, or nil: in each file, the registry's helper, the most specific entry, the helper
    /// for everything; after all files, `helpers`, which keep those of every registry. Blocks.
    package func credentials(
        for location: RegistryLocation, helpers: [String] = []
    ) throws(RegistryConfigurationError) -> RegistryCredentials? {
        if let first, let found = try credentials(in: first.file, for: location) { return found }
        for path in paths {
            guard let file = try AuthFile(path) else { continue }
            if let found = try credentials(in: file, for: location) { return found }
        }
        // The first of these names stands for the files themselves.
        for name in helpers where name != "containers-auth.json" {
            if let found = try ask(name, location.domain) { return found }
        }
        return nil
    }

    private func credentials(
        in file: AuthFile, for location: RegistryLocation
    ) throws(RegistryConfigurationError) -> RegistryCredentials? {
        if let name = file.helper(location.domain), let found = try ask(name, location.domain) { return found }
        if let found = try file.credentials(location.domain, location.path) { return found }
        if let name = file.store { return try ask(name, location.domain) }
        return nil
    }

    private func ask(_ name: String, _ domain: String) throws(RegistryConfigurationError) -> RegistryCredentials? {
        try CredentialHelper(name: name, environment: environment, timeout: timeout).credentials(domain)
    }
}
