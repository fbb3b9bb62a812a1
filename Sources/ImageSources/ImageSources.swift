// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImagePolicy
internal import Linux
package import OCIImageSpec
package import Registry
package import RegistryConfiguration

/// Images in registries, as the administrator's files say: where they are looked for (registries.conf), with which
/// certificates (certs.d) and credentials (auth.json and its kin), and whether they may be used (policy.json).
///
/// Make one per process: it holds the connections. The files are read anew for every image, so that a change counts at
/// once; nothing of them is kept.
package final class ImageSources: Sendable {
    let settings: ImageSourceSettings
    let registries: Registries

    /// Nothing is read yet, and no registry contacted.
    package init(_ settings: ImageSourceSettings) {
        self.settings = settings
        var client = RegistrySettings()
        client.insecure = settings.insecureRegistries
        client.stallTimeout = settings.stallTimeout
        client.minimumRate = settings.minimumRate
        client.downloadsPerRegistry = settings.downloadsPerRegistry
        client.downloads = settings.downloads
        client.proxies = ProxySettings(environment: settings.environment)
        registries = Registries(client)
    }

    /// What a name as people write it may stand for: one reference, or for a short name perhaps several, of which the
    /// first that exists is meant.
    package func references(_ name: String) async throws -> [Reference] {
        try await registriesConf().references(name)
    }

    /// The image in its registry and the mirrors of that, guarded by the policy: what is not allowed cannot be read.
    ///
    /// `credentials` are for the registry that the reference names and are told to no other; without them, and for
    /// mirrors, `left` and then the files are searched. `namespace` is that of the pod that wants the image.
    package func source(
        _ reference: Reference, credentials: RegistryCredentials? = nil, left: OneTimeCredentials? = nil,
        namespace: String? = nil
    ) async throws -> any BlobSource {
        let places = try await clients(reference, credentials, left: left)
        let source = MirroredSource(reference: reference, clients: places)
        let policy = try await policy(namespace)
        guard try policy.demand(for: reference) == .signatures else { return source }
        return CheckedSource(source: source, policy: policy, sources: self)
    }

    /// The repository to push to: the place itself, never a mirror.
    package func destination(
        _ reference: Reference, credentials: RegistryCredentials? = nil
    ) async throws -> RegistryClient {
        let conf = try await registriesConf()
        guard let location = try conf.locations(of: reference).last else {
            throw RegistryError(.notFound, operation: "push", subject: reference.familiar, reason: "it is nowhere")
        }
        return try await client(reference, location, conf, credentials, access: .push)
    }

    /// The tags of the reference's repository, in the registry's order, from the first place that tells them.
    package func tags(_ reference: Reference, credentials: RegistryCredentials? = nil) async throws -> [String] {
        let places = try await clients(reference, credentials)
        return try await MirroredSource(reference: reference, clients: places).first("list tags of") {
            try await $0.tags()
        }
    }

    /// The digest that the reference's tag has now. See `RegistryClient.resolve`.
    package func resolve(_ reference: Reference, credentials: RegistryCredentials? = nil) async throws -> Digest {
        if let digest = reference.digest { return digest }
        let tag = reference.tag ?? "latest"
        let places = try await clients(reference, credentials)
        return try await MirroredSource(reference: reference, clients: places).first("pull") {
            try await $0.resolve(tag)
        }
    }

    /// Credentials that were left for a pull in that namespace, which are used up by this.
    package func takeCredentials(for reference: Reference, namespace: String) async throws -> OneTimeCredentials? {
        let folder = settings.credentialFolder
        return try await BlockingPool.run { () throws in
            try OneTimeCredentials(taking: reference, namespace: namespace, from: folder)
        }
    }

    private func clients(
        _ reference: Reference, _ credentials: RegistryCredentials?, left: OneTimeCredentials? = nil
    ) async throws -> [RegistryClient] {
        let conf = try await registriesConf()
        let locations = try conf.locations(of: reference)
        var clients: [RegistryClient] = []
        for (index, location) in locations.enumerated() {
            let retries = index < locations.count - 1 ? 1 : nil
            clients.append(try await client(reference, location, conf, credentials, left: left, retries: retries))
        }
        return clients
    }

    private func client(
        _ reference: Reference, _ location: RegistryLocation, _ conf: RegistriesConf,
        _ credentials: RegistryCredentials?, left: OneTimeCredentials? = nil, access: RegistryAccess = .pull,
        retries: Int? = nil
    ) async throws -> RegistryClient {
        let settings = settings
        let given = location.domain == reference.domain ? credentials : nil
        var complete = location
        if settings.insecureRegistries.contains(location.domain) { complete.isInsecure = true }
        let place = complete
        complete.certificates = try await BlockingPool.run { () throws in
            try CertificateFolders(settings.certificateFolders).certificates(for: place.domain)
        }
        let found = try await BlockingPool.run { () throws -> RegistryCredentials? in
            if let given { return given }
            return try CredentialFiles(settings.credentialFiles, after: left, environment: settings.environment)
                .credentials(for: place, helpers: conf.credentialHelpers)
        }
        return registries.client(
            reference, at: complete, credentials: found, access: access, retries: retries)
    }

    private func registriesConf() async throws -> RegistriesConf {
        let settings = settings
        return try await BlockingPool.run { () throws in
            try RegistriesConf(path: settings.registriesConf, aliasCache: settings.aliasCache)
        }
    }

    func policy(_ namespace: String?) async throws -> ImagePolicy {
        let settings = settings
        return try await BlockingPool.run { () throws in
            // A name that is no file name is no namespace.
            if let namespace, !namespace.isEmpty, !namespace.contains("/"), !namespace.hasPrefix("."),
                let own = try ImagePolicy(path: "\(settings.policyFolder)/\(namespace).json")
            {
                return own
            }
            return try ImagePolicy(path: settings.policy) ?? .acceptAnything
        }
    }
}
