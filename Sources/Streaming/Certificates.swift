// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import NIOSSL
internal import Synchronization

/// The files of TLS, in PEM.
package struct TLSFiles: Hashable, Sendable {
    /// The certificate and those that lead to its root.
    package var certificate: String
    /// The certificate's private key.
    package var key: String
    /// With it, clients must have a certificate that it signed.
    package var clientAuthority: String?
    /// Whether TLS 1.2 is refused.
    package var isModernOnly: Bool
    /// IANA's numbers of the cipher suites of TLS 1.2 that are spoken; empty for all that are thought safe.
    package var cipherSuites: [UInt16] = []

    /// Every property by name.
    package init(certificate: String, key: String, clientAuthority: String? = nil, isModernOnly: Bool = false) {
        self.isModernOnly = isModernOnly
        self.certificate = certificate
        self.key = key
        self.clientAuthority = clientAuthority
    }
}

/// The certificate that is served: read anew for the next connection after a file has changed. While new files do not
/// fit together, as in the middle of their exchange, the old ones serve on.
final class Certificates: Sendable {
    private struct State {
        var context: NIOSSLContext
        /// What the files looked like when they were read.
        var versions: [FileStatus]
    }

    private let files: TLSFiles
    private let log: @Sendable (String) -> Void
    private let state: Mutex<State>

    init(_ files: TLSFiles, log: @escaping @Sendable (String) -> Void) async throws {
        self.files = files
        self.log = log
        state = Mutex(
            try await BlockingPool.run {
                let versions = try Self.versions(files)
                return State(context: try Self.load(files), versions: versions)
            })
    }

    /// The context for the next connection.
    func context() async throws -> NIOSSLContext {
        let (files, log) = (files, log)
        let (context, known) = state.withLock { ($0.context, $0.versions) }
        let fresh: State? = await BlockingPool.run {
            do {
                let versions = try Self.versions(files)
                if versions == known { return nil }
                do {
                    return State(context: try Self.load(files), versions: versions)
                } catch {
                    log("new certificate \"\(files.certificate)\": \(error); the old one serves on")
                    // Told once: the same files are not tried again.
                    return State(context: context, versions: versions)
                }
            } catch {
                // Between the removal of a file and its successor.
                return nil
            }
        }
        guard let fresh else { return context }
        state.withLock { $0 = fresh }
        return fresh.context
    }

    private static func versions(_ files: TLSFiles) throws(SystemError) -> [FileStatus] {
        try [files.certificate, files.key, files.clientAuthority].compactMap { $0 }.map { (path) throws(SystemError) in
            try SystemError.attempt("read", path) { () throws(Errno) in try Syscall.status(path) }
        }
    }

    private static func load(_ files: TLSFiles) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
        configuration.minimumTLSVersion = files.isModernOnly ? .tlsv13 : .tlsv12
        if !files.cipherSuites.isEmpty {
            configuration.cipherSuiteValues = files.cipherSuites.map(NIOTLSCipher.init(rawValue:))
        }
        if let authority = files.clientAuthority {
            configuration.trustRoots = .file(authority)
            // The clients are nodes and administrators: what counts is who signed, not where they are.
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
