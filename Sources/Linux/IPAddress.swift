// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Glibc

/// Addresses of the Internet protocols as text.
package enum IPAddress {
    /// Whether the text is an address of IPv4 or IPv6. See inet_pton(3).
    package static func isValid(_ text: String) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 16)
        return [AF_INET, AF_INET6].contains { family in
            unsafe inet_pton(family, text, &bytes) == 1
        }
    }
}
