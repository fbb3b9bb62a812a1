// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

extension Syscall {
    /// Writes all bytes at the offset and leaves the file's position alone. The corresponding system call is
    /// `pwrite(2)`.
    package static func writeAll(
        _ descriptor: Int32, _ buffer: UnsafeRawBufferPointer, at offset: Int64
    ) throws(Errno) {
        var done = 0
        while done < buffer.count {
            let rest = unsafe buffer.baseAddress?.advanced(by: done)
            done += unsafe try Errno.check(clx_pwrite(descriptor, rest, buffer.count - done, offset + Int64(done)))
        }
    }

    /// Sets the file's length; what is added is a hole. The corresponding system call is `ftruncate(2)`.
    package static func setLength(of descriptor: Int32, _ length: Int64) throws(Errno) {
        try Errno.check(clx_ftruncate(descriptor, length))
    }

    /// The next bytes of a file, from the offset on, that lie in no hole; nil when nothing but a hole is left. Some file
    /// systems know no holes. Moves the file's position. The corresponding system call is `lseek(2)` with SEEK_DATA and
    /// SEEK_HOLE.
    package static func data(of descriptor: Int32, from offset: Int64) throws(Errno) -> Range<Int64>? {
        do throws(Errno) {
            let start = Int64(try Errno.check(clx_lseek(descriptor, offset, CLX_SEEK_DATA)))
            return start..<max(start, Int64(try Errno.check(clx_lseek(descriptor, start, CLX_SEEK_HOLE))))
        } catch .ENXIO {
            return nil
        }
    }
}
