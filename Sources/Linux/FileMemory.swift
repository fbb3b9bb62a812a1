// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// Memory whose content is in a file: the kernel may take back each page at any time, and the owner can tell it to.
///
/// ## Concurrency model
/// One user at a time.
@safe package final class FileMemory {
    /// Where it is: as many bytes as were asked for, zeros at first, valid as long as this is.
    package let address: UnsafeMutableRawPointer
    private let number: Int32

    /// So many bytes in a new file, which nobody else uses; it may be closed afterwards. Throws ENOSPC when there is no
    /// room for them. The corresponding system calls are `fallocate(2)` and `mmap(2)`.
    package init(in file: borrowing OwnedFD, size: Int) throws(Errno) {
        var mapped: UnsafeMutableRawPointer?
        number = unsafe try Errno.check(clx_window_map(file.rawValue, size, &mapped))
        guard let mapped = unsafe mapped else { throw .ENOMEM }
        unsafe address = mapped
    }

    deinit { clx_window_unmap(number) }

    /// Takes all of its pages out of the process: they are the file's, and come back from it when they are touched. The
    /// corresponding system call is `madvise(2)` with MADV_DONTNEED.
    package func releasePages() throws(Errno) { try Errno.check(clx_window_release(number)) }

    /// Whether the file could not be read or written: from then on the content is worthless.
    package var isLost: Bool { clx_window_is_lost(number) != 0 }
}
