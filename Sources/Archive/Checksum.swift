// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CXXHash

/// XXH3 over bytes that come in pieces. It finds damage, not forgery, at the speed of memory.
@safe final class Checksum {
    private let state: OpaquePointer

    /// Of nothing yet.
    init() {
        // Less than a kilobyte: as with every object of Swift, its lack ends the process.
        guard let made = unsafe XXH3_createState() else { preconditionFailure("out of memory") }
        unsafe state = made
        unsafe XXH3_64bits_reset(state)
    }

    deinit { unsafe XXH3_freeState(state) }

    /// Adds the bytes.
    func update(_ bytes: UnsafeRawBufferPointer) {
        unsafe XXH3_64bits_update(state, bytes.baseAddress, bytes.count)
    }

    /// Adds the bytes.
    func update(_ bytes: [UInt8]) { unsafe bytes.withUnsafeBytes { unsafe update($0) } }

    /// Adds a number as eight bytes, lowest first.
    func update(_ number: UInt64) {
        unsafe withUnsafeBytes(of: number.littleEndian) { unsafe update($0) }
    }

    /// The checksum of all bytes so far.
    var value: UInt64 { unsafe XXH3_64bits_digest(state) }

    /// The checksum as the database keeps it.
    var text: String { Self.text(value) }

    /// `xxh3:` and 16 hex digits.
    static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return "xxh3:" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
