// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOSSL
internal import OCIImageSpec

/// How servers are spoken to: one pool of connections for each.
struct Transport: Hashable, Sendable {
    /// Whether the server's certificate is checked.
    var verifiesCertificate = true
    var certificates = RegistryCertificates()
    /// Who is asked instead of the server.
    var proxy: ProxyServer?

    /// TLS 1.2 at least, with what there is of certificates.
    func tls() throws(RequestFailure) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = verifiesCertificate ? .fullVerification : .none
        do {
            let authorities = try certificates.authorities.flatMap { try NIOSSLCertificate.fromPEMBytes($0) }
            if !authorities.isEmpty { tls.additionalTrustRoots = [.certificates(authorities)] }
            if let client = certificates.client {
                tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(client.certificate).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: client.key, format: .pem))
            }
        } catch {
            throw RequestFailure(.invalid, "the certificates for the registry cannot be read: \(plain("\(error)"))")
        }
        return tls
    }
}
