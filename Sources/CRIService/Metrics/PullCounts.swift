// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImageStore
internal import OCIImageSpec

/// What pulls have transferred and what they need not transfer, as CRI-O counts it.
struct PullCounts: Hashable, Sendable {
    /// Blobs of one kind.
    struct Kind: Hashable, Sendable, Comparable {
        var mediaType: String
        var size: BlobSize

        static func < (one: Kind, other: Kind) -> Bool {
            (one.mediaType, one.size.rawValue) < (other.mediaType, other.size.rawValue)
        }
    }

    /// What registries and the authors of images choose freely is told apart up to so many; the rest is one.
    static let mostNames = 1000
    static let mostKinds = 100
    static let others = "others"

    /// Bytes that arrived.
    private(set) var received: [Kind: UInt64] = [:]
    /// Bytes of blobs that need not be fetched.
    private(set) var skipped: [BlobSize: UInt64] = [:]
    /// How often that was, by `name@digest`.
    private(set) var reused: [String: UInt64] = [:]
    /// Blobs that were fetched, by size, and their bytes.
    private(set) var fetched: [BlobSize: UInt64] = [:]
    private(set) var fetchedBytes: UInt64 = 0

    mutating func note(_ event: LayerEvent) {
        switch event {
        case .received(let count, let blob):
            var kind = Kind(mediaType: blob.mediaType.rawValue, size: BlobSize(blob.size))
            if received[kind] == nil, received.count >= Self.mostKinds { kind.mediaType = Self.others }
            received[kind, default: 0] += UInt64(max(0, count))
        case .fetched(let blob):
            fetched[BlobSize(blob.size), default: 0] += 1
            fetchedBytes += UInt64(max(0, blob.size))
        case .reused(let blob, let reference):
            skipped[BlobSize(blob.size), default: 0] += UInt64(max(0, blob.size))
            var name = "\(reference)@\(blob.digest)"
            if reused[name] == nil, reused.count >= Self.mostNames { name = Self.others }
            reused[name, default: 0] += 1
        }
    }
}

/// How large a blob is, in steps. The names of the steps say MiB and mean 1000 * 1000 bytes, as CRI-O's do, by which dashboards
/// find them.
enum BlobSize: Int, CaseIterable, Sendable {
    case any, kilobyte, megabyte, tens, fifty, hundred, twoHundred, threeHundred, fourHundred, fiveHundred, gigabyte
    case tenGigabytes

    /// The largest step that the size is beyond.
    init(_ size: Int64) { self = Self.allCases.last { size > $0.bytes } ?? .any }

    /// What a blob of the step is larger than.
    var bytes: Int64 {
        switch self {
        case .any: 0
        case .kilobyte: 1000
        case .megabyte: 1_000_000
        case .tens: 10_000_000
        case .fifty: 50_000_000
        case .hundred: 100_000_000
        case .twoHundred: 200_000_000
        case .threeHundred: 300_000_000
        case .fourHundred: 400_000_000
        case .fiveHundred: 500_000_000
        case .gigabyte: 1_000_000_000
        case .tenGigabytes: 10_000_000_000
        }
    }

    /// The value of the label `size`.
    var label: String {
        switch self {
        case .any: ">0 B"
        case .kilobyte: ">1 KiB"
        case .gigabyte: ">1 GiB"
        case .tenGigabytes: ">10 GiB"
        default: ">\(bytes / 1_000_000) MiB"
        }
    }

    /// The same number as the label `le` of a histogram: as Go writes it, 1000 and 1e+06.
    var bound: String {
        let digits = "\(bytes)"
        let first = String(digits.prefix { $0 != "0" })
        let exponent = digits.count - 1
        return exponent < 6 ? digits : "\(first)e+\(exponent < 10 ? "0" : "")\(exponent)"
    }
}
