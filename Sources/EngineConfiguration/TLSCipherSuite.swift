// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Cipher suites of TLS 1.2 by the names that Kubernetes uses too. Those of TLS 1.3 are not chosen.
package enum TLSCipherSuite: String, Sendable, CaseIterable {
    case ecdheECDSAWithAES128GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    case ecdheECDSAWithAES256GCM = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
    case ecdheECDSAWithChaCha20 = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    case ecdheECDSAWithAES128CBC = "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"
    case ecdheECDSAWithAES256CBC = "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"
    case ecdheRSAWithAES128GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    case ecdheRSAWithAES256GCM = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    case ecdheRSAWithChaCha20 = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    case ecdheRSAWithAES128CBC = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
    case ecdheRSAWithAES256CBC = "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"
    case rsaWithAES128GCM = "TLS_RSA_WITH_AES_128_GCM_SHA256"
    case rsaWithAES256GCM = "TLS_RSA_WITH_AES_256_GCM_SHA384"

    /// Its number in IANA's registry of TLS parameters.
    package var number: UInt16 {
        switch self {
        case .ecdheECDSAWithAES128GCM: 0xC02B
        case .ecdheECDSAWithAES256GCM: 0xC02C
        case .ecdheECDSAWithChaCha20: 0xCCA9
        case .ecdheECDSAWithAES128CBC: 0xC009
        case .ecdheECDSAWithAES256CBC: 0xC00A
        case .ecdheRSAWithAES128GCM: 0xC02F
        case .ecdheRSAWithAES256GCM: 0xC030
        case .ecdheRSAWithChaCha20: 0xCCA8
        case .ecdheRSAWithAES128CBC: 0xC013
        case .ecdheRSAWithAES256CBC: 0xC014
        case .rsaWithAES128GCM: 0x9C
        case .rsaWithAES256GCM: 0x9D
        }
    }
}
