// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CSeccomp
internal import Glibc
package import Linux

extension HandedCall {
    /// The name of the system call; its number where libseccomp does not know it.
    package var name: String {
        guard let text = unsafe seccomp_syscall_resolve_num_arch(architecture, number) else { return "\(number)" }
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }
}
