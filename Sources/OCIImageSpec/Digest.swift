// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The checksum that names content: `<algorithm>:<encoded>`, with sha256 or sha512 and lower-case hex.
///
/// Source: image-spec, descriptor.md, "Digests".
package struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The registered algorithms, which are the only ones accepted.
    package enum Algorithm: String, Hashable, Sendable, CaseIterable {
        case sha256
        case sha512

        /// Length of the encoded part: two characters per byte.
        package var hexLength: Int {
            switch self {
            case .sha256: 64
            case .sha512: 128
            }
        }
    }

    /// The algorithm of the checksum.
    package let algorithm: Algorithm
    /// The checksum as lower-case hex, exactly as long as the algorithm wants.
    package let hex: String

    /// Parses `sha256:...` or `sha512:...`. Throws `.invalid` on a text that breaks the grammar, `.unsupported` on
    /// another algorithm. Nothing that passes can escape from a file name or a URL path.
    package init(parsing text: String) throws(ImageSpecError) {
        func fault(_ code: ImageSpecError.Code, _ reason: String) -> ImageSpecError {
            ImageSpecError(code, "parse digest", text, reason)
        }
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw fault(.invalid, "want <algorithm>:<hex>")
        }
        let name = text[..<colon]
        guard Self.isAlgorithmName(name) else { throw fault(.invalid, "malformed algorithm") }
        guard let algorithm = Algorithm(rawValue: String(name)) else {
            throw fault(.unsupported, "only sha256 and sha512 are supported")
        }
        let encoded = text[text.utf8.index(after: colon)...]
        guard encoded.utf8.count == algorithm.hexLength else {
            throw fault(.invalid, "\(name) wants \(algorithm.hexLength) hex digits, found \(encoded.utf8.count)")
        }
        guard encoded.utf8.allSatisfy(Self.isLowerHex) else { throw fault(.invalid, "want lower-case hex digits") }
        self.algorithm = algorithm
        self.hex = String(encoded)
    }

    /// The digest of a whole byte array.
    package init(of bytes: [UInt8], _ algorithm: Algorithm = .sha256) {
        var hasher = Hasher(algorithm)
        hasher.update(bytes)
        self = hasher.finalize()
    }

    /// From a checksum's bytes; the caller guarantees the length.
    init(_ algorithm: Algorithm, bytes: some Sequence<UInt8>) {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(algorithm.hexLength)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        self.algorithm = algorithm
        self.hex = String(decoding: text, as: UTF8.self)
    }

    /// `sha256:...`
    package var description: String { "\(algorithm.rawValue):\(hex)" }

    /// The order of the texts.
    package static func < (left: Digest, right: Digest) -> Bool {
        (left.algorithm.rawValue, left.hex) < (right.algorithm.rawValue, right.hex)
    }

    /// `component ([+._-] component)*` of lower-case letters and digits.
    private static func isAlgorithmName(_ name: Substring) -> Bool {
        name.utf8.split(whereSeparator: { "+._-".utf8.contains($0) }, keepingEmpty: true)
            .allSatisfy { part in !part.isEmpty && part.allSatisfy { isLowerHex($0) || (0x67...0x7A).contains($0) } }
    }

    private static func isLowerHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }
}

extension Substring.UTF8View {
    fileprivate func split(whereSeparator: (UInt8) -> Bool, keepingEmpty: Bool) -> [Substring.UTF8View.SubSequence] {
        split(maxSplits: .max, omittingEmptySubsequences: !keepingEmpty, whereSeparator: whereSeparator)
    }
}

extension Digest: Codable {
    /// From a JSON string.
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    /// To a JSON string.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
