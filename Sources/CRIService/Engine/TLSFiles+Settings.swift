// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import EngineConfiguration
internal import Streaming

extension TLSFiles {
    /// Those that settings name, where "" is none; nil without a certificate. All servers refuse the same versions of TLS.
    init?(certificate: String, key: String, clientAuthority: String = "", _ api: DaemonConfig.API) {
        guard !certificate.isEmpty else { return nil }
        self.init(
            certificate: certificate, key: key, clientAuthority: clientAuthority.isEmpty ? nil : clientAuthority,
            isModernOnly: api.leastTLSVersion == .v13)
        cipherSuites = api.cipherSuites.map(\.number)
    }
}
