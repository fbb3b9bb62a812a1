// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// One throwing function for each system call, by concern in the extensions beside this file.
///
/// A path is relative to the directory descriptor `at`; the default is the working directory. Every descriptor that
/// comes back is close-on-exec. Interrupted calls are repeated where that is right.
package enum Syscall {
    /// The working directory in the place of a directory descriptor, openat(2).
    package static let workingDirectory = CLX_AT_FDCWD
}

/// Flags of open(2); O_CLOEXEC is always added.
package struct OpenFlags: OptionSet, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let readOnly = OpenFlags([])
    package static let writeOnly = OpenFlags(rawValue: CLX_O_WRONLY)
    package static let readWrite = OpenFlags(rawValue: CLX_O_RDWR)
    package static let create = OpenFlags(rawValue: CLX_O_CREAT)
    package static let exclusive = OpenFlags(rawValue: CLX_O_EXCL)
    package static let truncate = OpenFlags(rawValue: CLX_O_TRUNC)
    package static let append = OpenFlags(rawValue: CLX_O_APPEND)
    package static let nonblocking = OpenFlags(rawValue: CLX_O_NONBLOCK)
    package static let noControllingTerminal = OpenFlags(rawValue: CLX_O_NOCTTY)
    package static let directory = OpenFlags(rawValue: CLX_O_DIRECTORY)
    package static let noFollow = OpenFlags(rawValue: CLX_O_NOFOLLOW)
    /// A file without a name in the directory that the path is.
    package static let temporary = OpenFlags(rawValue: CLX_O_TMPFILE)
    /// Only a place in the tree, no access to the content.
    package static let path = OpenFlags(rawValue: CLX_O_PATH)
}

/// How openat2(2) resolves a path.
package struct ResolveFlags: OptionSet, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let inRoot = ResolveFlags(rawValue: CLX_RESOLVE_IN_ROOT)
    package static let beneath = ResolveFlags(rawValue: CLX_RESOLVE_BENEATH)
    package static let noSymlinks = ResolveFlags(rawValue: CLX_RESOLVE_NO_SYMLINKS)
    package static let noMagicLinks = ResolveFlags(rawValue: CLX_RESOLVE_NO_MAGICLINKS)
    package static let noCrossDevice = ResolveFlags(rawValue: CLX_RESOLVE_NO_XDEV)
}
