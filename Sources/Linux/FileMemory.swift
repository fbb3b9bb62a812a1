// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Memory whose content is in a file. However large it is, and whatever of it is used, few of its pages are in the process.
///
/// ## Concurrency model
/// One user at a time.
@safe package final class FileMemory {
    /// Where it is: as many bytes as were asked for, zeros at first, valid as long as this is.
    package let address: UnsafeMutableRawPointer
    /// How many bytes.
    package let size: Int
    private let file: OwnedFD
    private let number: Int32

    /// So many bytes in a new file, which nobody else uses, and which grows with what is written. The corresponding system
    /// calls are `ftruncate(2)` and `mmap(2)`.
    package init(in file: consuming OwnedFD, size: Int) throws(Errno) {
        self.size = size
        var mapped: UnsafeMutableRawPointer?
        number = unsafe try Errno.check(clx_window_map(file.rawValue, size, &mapped))
        guard let mapped = unsafe mapped else { throw .ENOMEM }
        unsafe address = mapped
        self.file = file
    }

    deinit { clx_window_unmap(number) }

    /// From now on until the end of its use, this thread uses the memory, and pages leave the process all the while: they are the
    /// file's, and come back from it when they are touched. To begin twice is to begin once. The corresponding system calls are
    /// `timer_create(2)` and `madvise(2)` with MADV_DONTNEED.
    package func beginUse() { clx_window_begin(number) }

    /// Takes all of its pages out of the process.
    package func endUse() throws(Errno) { try Errno.check(clx_window_end(number)) }

    /// Why the content is lost and worthless, if it is: there was no room for it, or the file could not be read or written.
    package var loss: Errno? {
        guard clx_window_is_lost(number) != 0 else { return nil }
        // A fault has no cause that the kernel tells. It tells whether there is room.
        let result = clx_fallocate(file.rawValue, 0, Int64(size))
        return result == -Errno.ENOSPC.rawValue || result == -Errno.EDQUOT.rawValue ? .ENOSPC : .EIO
    }
}
