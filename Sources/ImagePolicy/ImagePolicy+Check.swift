// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec

extension ImagePolicy {
    /// Whether signatures make the image allowed: every requirement is fulfilled by one of them. `digests` are those that
    /// the name leads to by content, the index's and the manifest's: a signature of either vouches for the image. Throws
    /// `.rejected` with the reason for each signature otherwise. Blocks, and runs `gpgv`.
    package func check(
        _ reference: Reference, digests: [Digest], _ signatures: [ImageSignature]
    ) throws(PolicyError) {
        _ = try demand(for: reference)
        for requirement in requirements("docker", reference.policyScopes) {
            switch requirement {
            case .insecureAcceptAnything, .reject, .unsupported: continue
            case .signedBy(let keys, let identity):
                let messages = signatures.compactMap { if case .simple(let message) = $0 { message } else { nil } }
                let keyring = try SimpleSigning(keys: keys)
                try Self.any(messages, "GPG", reference) { (message) throws(PolicyError) in
                    let (payload, fault) = try keyring.verify(message)
                    return fault
                        ?? SignaturePayload.fault(
                            payload, type: "atomic container signature", digests, reference, identity)
                }
            case .sigstoreSigned(let keys, let identity):
                let pairs = signatures.compactMap {
                    if case .sigstore(let payload, let signature) = $0 {
                        (payload: payload, signature: signature)
                    } else {
                        nil
                    }
                }
                let verifier = try SigstoreKeys(keys: keys)
                try Self.any(pairs, "sigstore", reference) { (pair) throws(PolicyError) in
                    guard verifier.verify(pair.signature, of: pair.payload) else {
                        return "it is not by a key of the policy"
                    }
                    return SignaturePayload.fault(
                        pair.payload, type: "cosign container image signature", digests, reference, identity)
                }
            }
        }
    }

    /// Throws unless one of the signatures has no fault.
    private static func any<Signature>(
        _ signatures: [Signature], _ kind: String, _ reference: Reference,
        fault: (Signature) throws(PolicyError) -> String?
    ) throws(PolicyError) {
        var faults: [String] = []
        for signature in signatures {
            guard let fault = try fault(signature) else { return }
            faults.append(fault)
        }
        let reason =
            faults.isEmpty
            ? "the policy asks for a \(kind) signature, and there is none"
            : "none of its \(faults.count) \(kind) signatures is good: \(faults.prefix(4).joined(separator: "; "))"
        throw PolicyError(.rejected, "use", reference.familiar, reason)
    }
}

extension PolicyKey {
    /// The bytes of the key or keys.
    var content: [UInt8] {
        get throws(PolicyError) {
            switch self {
            case .data(let bytes): return bytes
            case .file(let path):
                do throws(Errno) {
                    return try Syscall.readFile(path, limit: 1 << 20)
                } catch {
                    throw PolicyError(.unusable, "read key", path, "\(error)")
                }
            }
        }
    }
}
