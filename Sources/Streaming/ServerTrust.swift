// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOSSL

/// By what a client knows the streaming server, and what it shows of itself. Files are PEM.
package struct ServerTrust: Hashable, Sendable {
    /// The authorities of the server's certificate; nil for those of the system.
    package var authorities: String?
    /// The client's certificate and its key; nil for none.
    package var certificate: String?
    package var key: String?
    /// The name in the server's certificate; nil for that of the URL.
    package var serverName: String?
    /// Whether the server's certificate is looked at at all.
    package var isVerified: Bool

    /// Trust in servers whose certificate is by one of the authorities.
    package init(
        authorities: String? = nil, certificate: String? = nil, key: String? = nil, serverName: String? = nil,
        isVerified: Bool = true
    ) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.serverName = serverName
        self.isVerified = isVerified
    }

    /// The name that the certificate must have; nil where the URL has an address, which the certificate must have then.
    func expectedName(of host: String) -> String? { serverName ?? (IPAddress.isValid(host) ? nil : host) }

    /// Reads the files, off the threads that must not wait.
    func context() async throws -> NIOSSLContext {
        let trust = self
        return try await BlockingPool.run { try trust.read() }
    }

    private func read() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = isVerified ? .fullVerification : .none
        if let authorities { configuration.trustRoots = .file(authorities) }
        if let certificate, let key {
            configuration.certificateChain = try attempt(certificate) {
                try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            }
            configuration.privateKey = try attempt(key) { .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)) }
        }
        return try attempt(authorities) { try NIOSSLContext(configuration: configuration) }
    }

    private func attempt<Value>(_ file: String?, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw StreamingFailure("read certificates", file, "\(error)") }
    }

    /// An error of the handshake in words that say what can be done.
    static func explained(_ error: any Error) -> any Error {
        guard case NIOSSLError.handshakeFailed(let cause) = error else {
            if let error = error as? NIOSSLExtraError {
                return StreamingFailure("trust the streaming server", nil, "\(error)")
            }
            return error
        }
        let text = "\(cause)"
        guard text.contains("CERTIFICATE_VERIFY_FAILED") else {
            return StreamingFailure("shake hands with the streaming server", nil, text)
        }
        return StreamingFailure(
            "trust the streaming server", nil,
            "its certificate is by no authority that is known; --tls-ca names one, --tls-insecure takes any")
    }
}
