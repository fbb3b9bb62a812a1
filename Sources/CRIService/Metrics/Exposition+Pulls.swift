// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension Exposition {
    /// How long operations took. The quantiles are of the last ten minutes.
    mutating func add(_ times: [(key: String, value: RecentTimes)], now: Int64) {
        add(
            "operations_latency_seconds", .gauge, "How long the last request took.",
            times.map { .init(seconds: $1.last, ("operation", $0)) })
        add(
            "operations_latency_seconds_total", .summary, "How long requests took.",
            times.flatMap { Self.summary($0, $1, now: now) })
    }

    private static func summary(_ name: String, _ times: RecentTimes, now: Int64) -> [Sample] {
        var samples: [Sample] = []
        for (share, took) in times.quantiles(now: now) {
            samples.append(Sample(seconds: took, ("operation", name), ("quantile", "\(share)")))
        }
        samples.append(Sample(suffix: "_sum", seconds: times.sum, ("operation", name)))
        samples.append(Sample(suffix: "_count", times.count, ("operation", name)))
        return samples
    }

    /// What pulls have transferred.
    mutating func add(_ pulls: PullCounts) {
        add(
            "image_pulls_bytes_total", .counter, "Bytes of layers that registries have sent.",
            pulls.received.sorted { $0.key < $1.key }.map {
                .init($1, ("mediatype", $0.mediaType), ("size", $0.size.label))
            })
        add(
            "image_pulls_skipped_bytes_total", .counter, "Bytes of layers that need not be fetched.",
            pulls.skipped.sorted { $0.key.rawValue < $1.key.rawValue }.map { .init($1, ("size", $0.label)) })
        add(
            "image_layer_reuse_total", .counter, "How often a layer need not be fetched.",
            pulls.reused.sorted { $0.key < $1.key }.map { .init($1, ("name", $0)) })
        add(
            "image_pulls_layer_size", .histogram, "Compressed sizes of the layers that were fetched, in bytes.",
            Self.buckets(pulls))
    }

    /// How many layers are at most as large as each step, and all.
    private static func buckets(_ pulls: PullCounts) -> [Sample] {
        var count: UInt64 = 0
        var samples: [Sample] = []
        for size in BlobSize.allCases {
            if size != .any { samples.append(.init(suffix: "_bucket", count, ("le", size.bound))) }
            count += pulls.fetched[size] ?? 0
        }
        return samples + [
            .init(suffix: "_bucket", count, ("le", "+Inf")), .init(suffix: "_sum", pulls.fetchedBytes),
            .init(suffix: "_count", count),
        ]
    }
}
