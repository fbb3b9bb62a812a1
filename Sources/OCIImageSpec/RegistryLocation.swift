// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Where a repository is to be found: in the registry its name says, or in a mirror of it under another name.
package struct RegistryLocation: Hashable, Sendable, CustomStringConvertible {
    /// `host[:port]`
    package var domain: String
    /// The repository within the registry.
    package var path: String
    /// Whether the certificate goes unchecked and plain HTTP is allowed.
    package var isInsecure: Bool
    /// What proves the registry's identity and ours, beyond the system's authorities.
    package var certificates: RegistryCertificates

    /// A location of the given parts.
    package init(
        domain: String, path: String, isInsecure: Bool = false,
        certificates: RegistryCertificates = RegistryCertificates()
    ) {
        self.domain = domain
        self.path = path
        self.isInsecure = isInsecure
        self.certificates = certificates
    }

    /// `host[:port]/path`
    package var description: String { "\(domain)/\(path)" }
}

/// Certificates for one registry, each as the bytes of a PEM file. Source: containers-certs.d(5).
package struct RegistryCertificates: Hashable, Sendable {
    /// A certificate of ours with its key.
    package struct Client: Hashable, Sendable {
        /// The certificate, and those that lead to its authority.
        package var certificate: [UInt8]
        /// The key, not encrypted.
        package var key: [UInt8]

        /// A pair of the given files' contents.
        package init(certificate: [UInt8], key: [UInt8]) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Authorities that are trusted beside the system's.
    package var authorities: [[UInt8]]
    /// What the registry may ask for.
    package var client: Client?

    /// None, or the given ones.
    package init(authorities: [[UInt8]] = [], client: Client? = nil) {
        self.authorities = authorities
        self.client = client
    }
}
