// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The records of extended headers: what they say of the next entry.
///
/// A record is `LENGTH KEY=VALUE\n`. Source: POSIX pax, "pax Extended Header"; GNU tar, "Storing Sparse Files".
struct PaxRecords {
    var path: [UInt8]?
    var link: [UInt8]?
    var size: Int64?
    var uid: Int64?
    var gid: Int64?
    var modified: Timestamp?
    private(set) var attributes: [LayerEntry.Attribute] = []
    /// Where each is among them, by name.
    private var places: [[UInt8]: Int] = [:]
    /// There were more attributes than any file has: xattr(7) lists 64 KiB of names.
    private(set) var hasTooManyAttributes = false
    static let attributeLimit = 1024
    /// GNU's sparse files: the version, the size with holes, and the map where it is in the records.
    var sparseVersion: (major: Int64, minor: Int64)?
    var sparseSize: Int64?
    var sparsePieces: [SparseMap.Piece]?
    /// In place of the path, which is then made up for readers that do not know of holes.
    var sparseName: [UInt8]?
    private var sparseOffset: Int64?

    /// Adds the records of one header, which win over those that are here. False when they are malformed.
    mutating func add(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            // Some writers fill up with NUL.
            if rest.allSatisfy({ $0 == 0 }) { return true }
            guard let space = rest.prefix(20).firstIndex(of: UInt8(ascii: " ")),
                let length = Self.number(rest[..<space]), length <= rest.count, length > space - rest.startIndex + 1
            else { return false }
            let record = rest.prefix(Int(length))
            guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")),
                equals > space
            else { return false }
            guard set(record[(space + 1)..<equals], record[(equals + 1)...].dropLast()) else { return false }
            rest = rest.dropFirst(Int(length))
        }
        return true
    }

    /// An empty value takes back what was said before. False when the value cannot be what the key wants.
    private mutating func set(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: key, as: UTF8.self)
        func number(_ field: WritableKeyPath<PaxRecords, Int64?>) -> Bool {
            self[keyPath: field] = value.isEmpty ? nil : Self.number(value)
            return value.isEmpty || self[keyPath: field] != nil
        }
        switch text {
        case "path": path = value.isEmpty ? nil : Array(value)
        case "linkpath": link = value.isEmpty ? nil : Array(value)
        case "size": return number(\.size)
        case "uid": return number(\.uid)
        case "gid": return number(\.gid)
        case "mtime":
            modified = value.isEmpty ? nil : Self.time(value)
            return value.isEmpty || modified != nil
        default:
            if text.hasPrefix("GNU.sparse.") { return setSparse(text, value) }
            setAttribute(text, key, value)
        }
        return true
    }

    private mutating func setSparse(_ key: String, _ value: ArraySlice<UInt8>) -> Bool {
        if key == "GNU.sparse.name" {
            sparseName = Array(value)
            return true
        }
        if key == "GNU.sparse.map" {
            sparsePieces = SparseMap.parse(value)
            return sparsePieces != nil
        }
        guard let number = Self.number(value) else { return false }
        switch key {
        case "GNU.sparse.major": sparseVersion = (number, sparseVersion?.minor ?? 0)
        case "GNU.sparse.minor": sparseVersion = (sparseVersion?.major ?? 0, number)
        case "GNU.sparse.size", "GNU.sparse.realsize": sparseSize = number
        case "GNU.sparse.numblocks": sparsePieces = sparsePieces ?? []
        case "GNU.sparse.offset": sparseOffset = number
        case "GNU.sparse.numbytes":
            guard let offset = sparseOffset, (sparsePieces?.count ?? 0) < SparseMap.pieceLimit else { return false }
            sparsePieces = sparsePieces ?? []
            sparsePieces?.append(SparseMap.Piece(offset: offset, count: number))
        default: break
        }
        return true
    }

    private mutating func setAttribute(_ text: String, _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        let (plain, encoded) = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")
        guard attributes.count < Self.attributeLimit else {
            hasTooManyAttributes = hasTooManyAttributes || text.hasPrefix(plain) || text.hasPrefix(encoded)
            return
        }
        if text.hasPrefix(plain) {
            keep(Array(key.dropFirst(plain.utf8.count)), Array(value), replaces: true)
        } else if text.hasPrefix(encoded), let decoded = Self.base64(value) {
            // The other form is the same attribute, without loss.
            keep(Self.percentDecoded(key.dropFirst(encoded.utf8.count)), decoded, replaces: false)
        }
    }

    private mutating func keep(_ name: [UInt8], _ value: [UInt8], replaces: Bool) {
        if let place = places[name] {
            if replaces { attributes[place].value = value }
        } else {
            places[name] = attributes.count
            attributes.append(LayerEntry.Attribute(name: name, value: value))
        }
    }

    // MARK: Values

    /// A decimal number.
    static func number(_ text: ArraySlice<UInt8>) -> Int64? {
        guard !text.isEmpty, text.count <= 19 else { return nil }
        var value: Int64 = 0
        for (index, byte) in text.enumerated() {
            if index == 0, byte == UInt8(ascii: "-"), text.count > 1 { continue }
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(byte - 0x30))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return text.first == UInt8(ascii: "-") ? -value : value
    }

    /// Seconds with a fraction; digits beyond nanoseconds are cut off.
    private static func time(_ text: ArraySlice<UInt8>) -> Timestamp? {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let seconds = number(parts[0]) else { return nil }
        guard parts.count == 2, !parts[1].isEmpty else { return Timestamp(seconds: seconds, nanoseconds: 0) }
        guard parts[1].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let digits = Array((Array(parts[1]) + Array(repeating: 0x30, count: 9)).prefix(9))
        let nanoseconds = number(digits[...]) ?? 0
        let isNegative = text.first == UInt8(ascii: "-")
        guard isNegative, nanoseconds > 0 else { return Timestamp(seconds: seconds, nanoseconds: nanoseconds) }
        return Timestamp(seconds: seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds)
    }

    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else {
                decoded.append(byte)
                continue
            }
            decoded.append(value)
            rest = rest.dropFirst(2)
        }
        return decoded
    }

    /// Without the signs at the end, as libarchive writes it, or with them.
    private static func base64(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var decoded: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in text where byte != UInt8(ascii: "=") {
            guard let digit = digits.firstIndex(of: byte) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                decoded.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return decoded
    }
}
