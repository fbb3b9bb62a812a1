// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A device as the configuration writes it: `HOST[:INSIDE][:PERMISSIONS]`.
package struct ConfiguredDevice: Hashable, Sendable {
    package var hostPath: String
    package var path: String
    /// `rwm` or less.
    package var access: String

    /// Nil when the text is none.
    package init?(_ text: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false)[...]
        guard let host = parts.popFirst(), host.hasPrefix("/"), parts.count <= 2 else { return nil }
        (hostPath, path, access) = (String(host), String(host), "rwm")
        if let inside = parts.first, inside.hasPrefix("/") {
            path = String(inside)
            parts.removeFirst()
        }
        if let permissions = parts.popFirst() {
            guard !permissions.isEmpty, permissions.allSatisfy({ "rwm".contains($0) }) else { return nil }
            access = String(permissions)
        }
        if !parts.isEmpty { return nil }
    }
}
