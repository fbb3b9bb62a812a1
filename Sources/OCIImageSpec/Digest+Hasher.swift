// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Crypto

extension Digest {
    /// A checksum in the making: feed it chunks in order, then take the digest.
    package struct Hasher: Sendable {
        private enum State: Sendable {
            case sha256(SHA256)
            case sha512(SHA512)
        }

        private var state: State

        /// An empty checksum.
        package init(_ algorithm: Algorithm = .sha256) {
            switch algorithm {
            case .sha256: state = .sha256(SHA256())
            case .sha512: state = .sha512(SHA512())
            }
        }

        /// Adds the bytes.
        package mutating func update(_ bytes: [UInt8]) {
            unsafe bytes.withUnsafeBytes { unsafe update($0) }
        }

        /// Adds the bytes.
        package mutating func update(_ bytes: ArraySlice<UInt8>) {
            unsafe bytes.withUnsafeBytes { unsafe update($0) }
        }

        /// Adds the bytes, which need to live only during the call.
        package mutating func update(_ bytes: UnsafeRawBufferPointer) {
            // The state leaves the enum while it changes, so that the context is never shared and never copied.
            switch state {
            case .sha256(var hash):
                state = .sha256(Self.empty256)
                unsafe hash.update(bufferPointer: bytes)
                state = .sha256(hash)
            case .sha512(var hash):
                state = .sha512(Self.empty512)
                unsafe hash.update(bufferPointer: bytes)
                state = .sha512(hash)
            }
        }

        /// The digest of all bytes so far.
        package func finalize() -> Digest {
            switch state {
            case .sha256(let hash): Digest(.sha256, bytes: hash.finalize())
            case .sha512(let hash): Digest(.sha512, bytes: hash.finalize())
            }
        }

        private static let empty256 = SHA256()
        private static let empty512 = SHA512()
    }
}
