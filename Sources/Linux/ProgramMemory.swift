// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// The memory that a program at rest does not need.
package enum ProgramMemory {
    /// Gives back what was only needed to get here: pages of the program's code, which come back from the page cache when
    /// they are executed again, and free memory of the heap. See madvise(2) and malloc_trim(3).
    package static func release() {
        // Without it the program is larger, that is all.
        _ = clx_release_program_text()
        clx_trim_heap()
    }
}
