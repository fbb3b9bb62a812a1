// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NIOCore
internal import NIOHTTP1
internal import OCIImageSpec

/// How far a blob has come, over several answers if need be. Source: RFC 9110, 14 "Range Requests".
struct BlobStream: CustomStringConvertible {
    let descriptor: Descriptor
    /// Bytes handed on.
    private(set) var delivered: Int64
    /// Whether the last answer was held up by who reads it.
    var hadToWait = false
    /// Bytes of this answer that were had before, because the server begins anew.
    private var skipped: Int64 = 0

    /// A blob of which so much is there already.
    init(descriptor: Descriptor, delivered: Int64 = 0) {
        self.descriptor = descriptor
        self.delivered = delivered
    }

    /// Checks that an answer is what is missing, as far as its head tells.
    mutating func begin(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) throws(RequestFailure) {
        skipped = 0
        if status == .partialContent {
            guard delivered > 0, let range = headers.first(name: "content-range") else {
                throw fault("the registry sends a part that was not asked for")
            }
            guard Self.start(range) == delivered else {
                throw fault("the registry sends the range \(plain(range)), asked for \(delivered)-")
            }
        } else {
            skipped = delivered
        }
        guard headers["content-encoding"].allSatisfy({ $0.lowercased() == "identity" }) else {
            throw fault("the registry encodes what is to be sent as it is")
        }
        let expected = descriptor.size - delivered + skipped
        if let length = headers.first(name: "content-length").flatMap({ Int64($0) }), length != expected {
            throw fault("the registry has \(length + delivered - skipped) bytes, the manifest says \(descriptor.size)")
        }
    }

    /// Appends what is new in the buffer to the chunk. Throws when the blob is too long, having appended its rest.
    mutating func take(_ buffer: ByteBuffer, into chunk: inout [UInt8]) throws(RequestFailure) {
        var buffer = buffer
        let old = Int(min(skipped, Int64(buffer.readableBytes)))
        buffer.moveReaderIndex(forwardBy: old)
        skipped -= Int64(old)
        let room = descriptor.size - delivered
        let new = buffer.readSlice(length: Int(min(room, Int64(buffer.readableBytes)))) ?? ByteBuffer()
        unsafe new.withUnsafeReadableBytes { unsafe chunk.append(contentsOf: $0) }
        delivered += Int64(new.readableBytes)
        if buffer.readableBytes > 0 { throw fault("the registry sends more than \(descriptor.size) bytes") }
    }

    /// Checks that nothing is missing when an answer ends: a body without length ends like a broken connection.
    func end(peer: String) throws(RequestFailure) {
        guard delivered < descriptor.size else { return }
        throw RequestFailure(.unavailable, "\(peer) ends too early", retry: .later()).during(description)
    }

    /// The blob and how far it has come.
    var description: String { "blob \(descriptor.digest) at \(delivered) of \(descriptor.size) bytes" }

    private func fault(_ reason: String) -> RequestFailure {
        RequestFailure(.invalid, "blob \(descriptor.digest): \(reason)")
    }

    /// `bytes 5-9/10` begins at 5.
    private static func start(_ range: String) -> Int64? {
        let words = range.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        return words[1].split(separator: "-").first.flatMap { Int64($0) }
    }
}
