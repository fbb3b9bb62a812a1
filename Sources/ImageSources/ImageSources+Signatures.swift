// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import ImagePolicy
internal import Linux
package import OCIImageSpec
internal import Registry
internal import RegistryConfiguration

extension ImageSources {
    /// Whether an image of the store may be used under one of its names; `digests` are those that its names lead to. The
    /// signatures that were kept when it was pulled are checked again, by the policy as it is now; without any, they are
    /// looked for once more. Throws `PolicyError` when no name is allowed.
    package func admit(_ names: [Reference], digests: [Digest], namespace: String? = nil) async throws {
        let policy = try await policy(namespace)
        // What has no name is judged by what holds for all.
        if names.isEmpty { try policy.admit(transport: "docker", path: "") }
        var failure: (any Error)?
        for name in names {
            do {
                guard try policy.demand(for: name) == .signatures else { return }
                let source = try await source(name, namespace: namespace)
                guard let checked = source as? CheckedSource else { return }
                return try await check(name, digests, checked.unchecked, policy)
            } catch let error as PolicyError {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// Whether an image that is in no registry may be used; transport and absolute path are those of
    /// containers-transports(5). Throws `PolicyError`.
    package func admit(transport: String, path: String) async throws {
        try await policy(nil).admit(transport: transport, path: path)
    }

    /// Removes the signatures that are kept of images other than those that have these digests. Blocks.
    package func forgetSignatures(except digests: Set<Digest>) throws {
        try SignatureArchive(folder: settings.keptSignatures).prune(except: digests)
    }

    /// Checks signatures of any of the digests, those that are kept first; good ones are kept. Throws `PolicyError`.
    func check(
        _ reference: Reference, _ digests: [Digest], _ source: MirroredSource, _ policy: ImagePolicy
    ) async throws {
        let archive = SignatureArchive(folder: settings.keptSignatures)
        let kept = try await BlockingPool.run { () throws in try digests.flatMap { try archive.signatures(of: $0) } }
        // Others may have been made meanwhile.
        if !kept.isEmpty, try await isAllowed(reference, digests, kept, policy) { return }
        var found: [Digest: [ImageSignature]] = [:]
        for digest in digests {
            let signatures = try await signatures(of: digest, reference, source)
            if !signatures.isEmpty { found[digest] = signatures }
        }
        let all = found
        try await BlockingPool.run { () throws in
            try policy.check(reference, digests: digests, all.values.flatMap { $0 })
            for (digest, signatures) in all { try archive.keep(signatures, of: digest) }
        }
    }

    private func isAllowed(
        _ reference: Reference, _ digests: [Digest], _ signatures: [ImageSignature], _ policy: ImagePolicy
    ) async throws -> Bool {
        let failure: PolicyError? = await BlockingPool.run {
            do throws(PolicyError) {
                try policy.check(reference, digests: digests, signatures)
                return nil
            } catch {
                return error
            }
        }
        guard let failure else { return true }
        guard failure.code == .rejected else { throw failure }
        return false
    }

    /// The signatures that registries.d says where to look for.
    private func signatures(
        of digest: Digest, _ reference: Reference, _ source: MirroredSource
    ) async throws -> [ImageSignature] {
        let folder = settings.signatureFolder
        let place = try await BlockingPool.run { () throws in
            try SignatureStorage(folder: folder).place(of: reference)
        }
        var found: [ImageSignature] = []
        if let lookaside = place.lookaside { found += try await simple(digest, "\(lookaside)/\(reference.path)") }
        if place.usesAttachments { found += try await attachments(digest, source) }
        return found
    }

    /// `BASE@sha256=HEX/signature-N` for N from 1 on, until one is missing. Source: containers-registries.d(5).
    private func simple(_ digest: Digest, _ base: String) async throws -> [ImageSignature] {
        let folder = "\(base)@\(digest.algorithm.rawValue)=\(digest.hex)"
        var found: [ImageSignature] = []
        for number in 1...ImageSignature.countLimit {
            guard let bytes = try await document("\(folder)/signature-\(number)") else { break }
            found.append(.simple(bytes))
        }
        return found
    }

    private func document(_ url: String) async throws -> [UInt8]? {
        guard url.hasPrefix("file://") else {
            return try await registries.document(url, limit: ImageSignature.sizeLimit)
        }
        let path = String(url.dropFirst("file://".count))
        return try await BlockingPool.run { () throws -> [UInt8]? in
            do throws(Errno) {
                return try Syscall.readFile(path, limit: ImageSignature.sizeLimit)
            } catch .ENOENT {
                return nil
            } catch {
                throw SystemError("read", path, error)
            }
        }
    }

    /// Signatures that lie beside the image: in manifests that refer to it, and in the one with the tag `sha256-HEX.sig`.
    /// Source: cosign, SIGNATURE_SPEC.md.
    private func attachments(_ digest: Digest, _ source: MirroredSource) async throws -> [ImageSignature] {
        var places = try await source.first("list referrers in") { client in
            try await client.referrers(of: digest, artifactType: MediaType(rawValue: ImageSignature.sigstoreArtifact))
        }.prefix(ImageSignature.countLimit).map { ManifestSelector.digest($0.digest) }
        places.append(.tag("\(digest.algorithm.rawValue)-\(digest.hex).sig"))
        var found: [ImageSignature] = []
        for place in places {
            let fetched: FetchedManifest
            do {
                fetched = try await source.manifest(place)
            } catch let error as RegistryError where error.code == .notFound {
                continue
            }
            guard case .manifest(let manifest) = try fetched.document() else { continue }
            found += try await signatures(in: manifest, source)
        }
        return found
    }

    /// The layers of a manifest that are signatures.
    private func signatures(in manifest: Manifest, _ source: MirroredSource) async throws -> [ImageSignature] {
        var found: [ImageSignature] = []
        for layer in manifest.layers.prefix(ImageSignature.countLimit) {
            guard layer.mediaType.rawValue == ImageSignature.sigstoreMediaType,
                let text = layer.annotations?[ImageSignature.sigstoreAnnotation],
                let signature = Data(base64Encoded: text)
            else { continue }
            let payload = try await source.wholeBlob(layer, limit: ImageSignature.sizeLimit)
            found.append(.sigstore(payload: payload, signature: [UInt8](signature)))
        }
        return found
    }
}
