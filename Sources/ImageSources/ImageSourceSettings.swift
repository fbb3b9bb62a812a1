// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import EngineConfiguration

/// The files by which images are found and judged, and the environment they are read in.
package struct ImageSourceSettings: Sendable {
    /// registries.conf; its drop-ins are beside it.
    package var registriesConf: String
    /// Aliases that others have written.
    package var aliasCache: String
    /// Folders of certificates by registry.
    package var certificateFolders: [String]
    /// Files of credentials, in the order in which they are searched.
    package var credentialFiles: [String]
    /// Where credentials are left for single pulls. See `OneTimeCredentials`.
    package var credentialFolder: String
    /// policy.json; when there is none, everything is allowed.
    package var policy: String
    /// Policies for pods by namespace (`NAME.json`), in place of `policy`.
    package var policyFolder: String
    /// registries.d
    package var signatureFolder: String
    /// Where signatures of pulled images are kept, to be checked again when the images are used.
    package var keptSignatures: String
    /// Registries spoken to in plain HTTP, or without verifying their certificate, beside those of registries.conf.
    package var insecureRegistries: Set<String>
    /// How long a registry may send nothing.
    package var stallTimeout: Duration
    /// How many bytes per second it must send at least, on average over that time.
    package var minimumRate: Int
    /// Blobs that are received at the same time from one registry, and in all.
    package var downloadsPerRegistry: Int
    package var downloads: Int
    /// Of this process: proxies, and what credential helpers need.
    package var environment: [String: String]

    /// As the configuration says. `REGISTRY_AUTH_FILE` in the environment comes before the configured files.
    package init(_ config: DaemonConfig, environment: [String: String]) {
        let image = config.image
        registriesConf = image.registriesConf
        aliasCache = image.shortNameAliases
        certificateFolders = image.certificateDirs
        let own = environment["REGISTRY_AUTH_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        credentialFiles = (own.map { [$0] } ?? []) + image.authFiles
        credentialFolder = image.authDir
        policy = image.policy
        policyFolder = image.policyDir
        signatureFolder = image.registriesDir
        keptSignatures = config.root + "/signatures"
        insecureRegistries = Set(image.insecureRegistries)
        stallTimeout = image.stallTimeout
        minimumRate = image.minimumRate
        downloadsPerRegistry = image.downloadsPerRegistry
        downloads = image.downloads
        self.environment = environment
    }
}
