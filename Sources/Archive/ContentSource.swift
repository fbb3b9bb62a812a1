// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Where the content of a file comes from.
protocol ContentSource: AnyObject {
    /// Hands out the content piece by piece, each with its offset; what lies between is a hole.
    func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws
}

/// A file of a layer below, with its holes.
final class FileContent: ContentSource {
    private let file: SharedFD
    private let subject: String

    init(_ name: RawName, at directory: Int32) throws(ArchiveError) {
        subject = name.description
        do throws(Errno) {
            file = SharedFD(try Syscall.open(name, [.readOnly, .noFollow], at: directory))
        } catch {
            throw ArchiveError(entry: name, error)
        }
    }

    func content(_ body: (Int64, UnsafeRawBufferPointer) throws -> Void) throws {
        var offset: Int64 = 0
        while let piece = try attempt({ () throws(Errno) in try Syscall.data(of: file.rawValue, from: offset) }) {
            offset = piece.lowerBound
            while offset < piece.upperBound {
                let count = Int(min(1 << 18, piece.upperBound - offset))
                let block = try attempt { () throws(Errno) in
                    try Syscall.read(file.rawValue, upTo: count, at: offset)
                }
                if block.isEmpty { return }
                try unsafe block.withUnsafeBytes { unsafe try body(offset, $0) }
                offset += Int64(block.count)
            }
        }
    }

    private func attempt<Value>(_ body: () throws(Errno) -> Value) throws(ArchiveError) -> Value {
        do throws(Errno) { return try body() } catch { throw ArchiveError(entry: subject, error) }
    }
}
