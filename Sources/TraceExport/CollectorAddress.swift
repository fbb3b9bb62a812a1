// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Where a collector listens: a unix socket's path, or a host and a port (`127.0.0.1:4317`, `[::1]:4317`).
package enum CollectorAddress: Hashable, Sendable {
    case socket(String)
    case host(String, port: Int)

    /// Where collectors listen unless they are told otherwise.
    package static let standard = "127.0.0.1:4317"

    package init?(_ text: String) {
        if text.hasPrefix("/") {
            self = .socket(text)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { return nil }
        self = .host(String(host), port: Int(port))
    }
}
