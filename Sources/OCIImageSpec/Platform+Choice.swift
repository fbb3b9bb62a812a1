// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension Platform {
    /// The entry of an index that fits this platform best, or nil. Ask again with the entries of the nested index when
    /// the answer is one.
    package func best(of entries: [Descriptor]) -> Descriptor? { ranked(entries).first }

    /// The entries that can be used on this platform, best first.
    ///
    /// A variant that is asked for may be replaced by a lower one that runs on the same CPU (arm v8 > v7 > v6 > v5,
    /// amd64 v4 > v3 > v2 > v1), then by an entry without variant. Entries without platform come last. Among equals
    /// those marked as zstd come first, then the order of the index counts. Attestations, other artifacts and unknown
    /// types are never chosen. Source: container-libs, platform_matcher.go and oci_index.go.
    package func ranked(_ entries: [Descriptor]) -> [Descriptor] {
        let variants = acceptableVariants
        let scored = entries.enumerated().compactMap { position, entry -> (rank: [Int], entry: Descriptor)? in
            guard entry.isImageOrIndex, let rank = rank(entry.platform, variants) else { return nil }
            let isZstd = entry.annotations?["io.github.containers.compression.zstd"] == "true"
            return ([rank, isZstd ? 0 : 1, position], entry)
        }
        return scored.sorted { $0.rank.lexicographicallyPrecedes($1.rank) }.map(\.entry)
    }

    /// Whether an image made for the other platform runs on this one.
    package func accepts(_ other: Platform) -> Bool { rank(other, acceptableVariants) != nil }

    /// 0 is best; nil is unusable.
    private func rank(_ candidate: Platform?, _ variants: [String]) -> Int? {
        guard let candidate else { return variants.count }
        guard candidate.os == os, candidate.architecture == architecture else { return nil }
        return variants.firstIndex(of: candidate.variant ?? "")
    }

    /// The variants this platform runs, best first; "" stands for none.
    private var acceptableVariants: [String] {
        let families = ["arm": ["v8", "v7", "v6", "v5"], "arm64": ["v8"], "amd64": ["v4", "v3", "v2", "v1"]]
        // What an unstated variant means. Source: image-spec, image-index.md, "Platform Variants".
        let defaults = ["arm": "v7", "arm64": "v8", "amd64": "v1"]
        guard let family = families[architecture], let fallback = defaults[architecture] else {
            return variant.map { $0.isEmpty ? [""] : [$0, ""] } ?? [""]
        }
        let wanted = variant.flatMap { $0.isEmpty ? nil : $0 } ?? fallback
        // v8.2, v9, v9.1 run what v8 runs.
        guard let start = family.firstIndex(of: wanted) else { return [wanted] + family.prefix(1) + [""] }
        return family[start...] + [""]
    }
}

extension Descriptor {
    /// A manifest or index of something that can run.
    fileprivate var isImageOrIndex: Bool {
        guard mediaType.kind == .manifest || mediaType.kind == .index else { return false }
        // BuildKit's provenance documents: manifests by type, but no images.
        guard annotations?["vnd.docker.reference.type"] != "attestation-manifest" else { return false }
        return platform?.os != "unknown"
    }
}
