// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CLinux

/// An error number of the kernel.
///
/// The description is the C library's text in lower case (`no such file or directory`), the form in which the programs
/// that call OCI runtimes look for it. See errno(3).
package struct Errno: Error, RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let EPERM = Errno(rawValue: 1)
    package static let ENOENT = Errno(rawValue: 2)
    package static let ESRCH = Errno(rawValue: 3)
    package static let EINTR = Errno(rawValue: 4)
    package static let EIO = Errno(rawValue: 5)
    package static let ENXIO = Errno(rawValue: 6)
    package static let E2BIG = Errno(rawValue: 7)
    package static let ENOEXEC = Errno(rawValue: 8)
    package static let EBADF = Errno(rawValue: 9)
    package static let ECHILD = Errno(rawValue: 10)
    package static let EAGAIN = Errno(rawValue: 11)
    package static let ENOMEM = Errno(rawValue: 12)
    package static let EACCES = Errno(rawValue: 13)
    package static let ENOTBLK = Errno(rawValue: 15)
    package static let EBUSY = Errno(rawValue: 16)
    package static let EEXIST = Errno(rawValue: 17)
    package static let EXDEV = Errno(rawValue: 18)
    package static let ENODEV = Errno(rawValue: 19)
    package static let ENOTDIR = Errno(rawValue: 20)
    package static let EISDIR = Errno(rawValue: 21)
    package static let EINVAL = Errno(rawValue: 22)
    package static let ENOTTY = Errno(rawValue: 25)
    package static let EFBIG = Errno(rawValue: 27)
    package static let ENOSPC = Errno(rawValue: 28)
    package static let EROFS = Errno(rawValue: 30)
    package static let EPIPE = Errno(rawValue: 32)
    package static let ERANGE = Errno(rawValue: 34)
    package static let ENAMETOOLONG = Errno(rawValue: 36)
    package static let ENOSYS = Errno(rawValue: 38)
    package static let ENOTEMPTY = Errno(rawValue: 39)
    package static let ELOOP = Errno(rawValue: 40)
    package static let ENODATA = Errno(rawValue: 61)
    package static let EPROTO = Errno(rawValue: 71)
    package static let EBADMSG = Errno(rawValue: 74)
    package static let EMSGSIZE = Errno(rawValue: 90)
    package static let EOPNOTSUPP = Errno(rawValue: 95)
    package static let EAFNOSUPPORT = Errno(rawValue: 97)
    package static let EADDRINUSE = Errno(rawValue: 98)
    package static let EADDRNOTAVAIL = Errno(rawValue: 99)
    package static let ECONNRESET = Errno(rawValue: 104)
    package static let ETIMEDOUT = Errno(rawValue: 110)
    package static let ECONNREFUSED = Errno(rawValue: 111)
    package static let EINPROGRESS = Errno(rawValue: 115)
    package static let ESTALE = Errno(rawValue: 116)
    package static let EUCLEAN = Errno(rawValue: 117)
    package static let EDQUOT = Errno(rawValue: 122)

    /// The symbolic name, `ENOENT`.
    package var name: String { unsafe String(cString: clx_errno_name(rawValue)) }

    package var description: String {
        let text = unsafe String(cString: clx_strerror(rawValue))
        // "Operation not permitted" becomes lower case, an acronym at the head ("RPC ...") stays.
        let head = text.prefix(2)
        return head == head.uppercased() ? text : text.prefix(1).lowercased() + text.dropFirst()
    }

    /// Turns the `-errno` convention of `CLinux` into a thrown error.
    @discardableResult
    package static func check<Value: FixedWidthInteger & SignedInteger>(_ result: Value) throws(Errno) -> Value {
        guard result < 0 else { return result }
        throw Errno(rawValue: Int32(-result))
    }
}
