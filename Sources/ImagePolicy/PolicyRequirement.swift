// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// One thing that an image must fulfil. Source: containers-policy.json(5), "Policy Requirements".
enum PolicyRequirement: Hashable, Sendable {
    case insecureAcceptAnything
    case reject
    /// A GPG simple signature by any of the keys.
    case signedBy(keys: [PolicyKey], identity: SignedIdentity)
    /// A sigstore signature by any of the keys.
    case sigstoreSigned(keys: [PolicyKey], identity: SignedIdentity)
    /// A valid requirement that cannot be checked here, and so is not fulfilled.
    case unsupported(String)
}

/// Public keys: in a file, or in the policy itself.
enum PolicyKey: Hashable, Sendable {
    case file(String)
    case data([UInt8])
}

/// Which name a signature must be for, so that a good signature of one image does not vouch for another.
enum SignedIdentity: Hashable, Sendable {
    /// The same name, or the same repository when the image is named by digest.
    case matchRepoDigestOrExact
    case matchExact
    case matchRepository
    case exactReference(String)
    case exactRepository(String)
    /// Names below `prefix` are signed as names below `signedPrefix`.
    case remapIdentity(prefix: String, signedPrefix: String)
}
