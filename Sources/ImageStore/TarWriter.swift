// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// Writes a tar of regular files with short names into a file. The header of an entry is written when its length is
/// known, which the format allows because the file can be written anywhere. Source: pax(1), "ustar Interchange Format".
///
/// ## Concurrency model
/// One user at a time; calls block.
// Unchecked: the offset is changed by one call after the other, see above.
final class TarWriter: @unchecked Sendable {
    let path: String
    private let file: SharedFD
    /// Where the next header goes.
    private var offset: Int64 = 0
    /// Content of the current entry.
    private var length: Int64 = 0

    /// A new file; one that is there already is an error.
    init(_ path: String) throws(ImageStoreError) {
        self.path = path
        file = try ImageStoreError.attempt("create archive", path) { () throws(Errno) in
            SharedFD(try Syscall.open(path, [.readWrite, .create, .exclusive], mode: 0o644))
        }
    }

    /// Adds to the current entry.
    func append(_ bytes: UnsafeRawBufferPointer) throws(ImageStoreError) {
        let place = offset + 512 + length
        do throws(Errno) {
            unsafe try Syscall.writeAll(file.rawValue, bytes, at: place)
        } catch {
            throw ImageStoreError("write archive", path, error)
        }
        length += Int64(bytes.count)
    }

    func append(_ bytes: [UInt8]) throws(ImageStoreError) {
        let result = unsafe bytes.withUnsafeBytes { buffer -> Result<Void, ImageStoreError> in
            do throws(ImageStoreError) { return .success(unsafe try append(buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Ends the current entry and gives it its name.
    func endEntry(_ name: String) throws(ImageStoreError) {
        let padding = (512 - length % 512) % 512
        let (at, size) = (offset, length)
        if padding > 0 { try append([UInt8](repeating: 0, count: Int(padding))) }
        offset = at + 512 + size + padding
        var entry = TarEntry(.regular, RawName(name))
        entry.size = size
        try write(entry.bytes, at: at)
        length = 0
    }

    /// Gives the current entry up: the next one takes its place.
    func dropEntry() { length = 0 }

    /// Adds a whole entry.
    func add(_ name: String, _ bytes: [UInt8]) throws(ImageStoreError) {
        try append(bytes)
        try endEntry(name)
    }

    /// Ends the archive. What an entry that was given up has left behind it is cut off.
    func finish() throws(ImageStoreError) {
        let end = offset
        try write([UInt8](repeating: 0, count: 1024), at: end)
        try ImageStoreError.attempt("write archive", path) { () throws(Errno) in
            try Syscall.setLength(of: file.rawValue, end + 1024)
        }
    }

    private func write(_ bytes: [UInt8], at offset: Int64) throws(ImageStoreError) {
        let result = unsafe bytes.withUnsafeBytes { buffer -> Result<Void, Errno> in
            do throws(Errno) {
                return .success(unsafe try Syscall.writeAll(file.rawValue, buffer, at: offset))
            } catch {
                return .failure(error)
            }
        }
        do throws(Errno) { try result.get() } catch { throw ImageStoreError("write archive", path, error) }
    }
}
