// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A unix socket, written as a path or as `unix:///path`.
struct Endpoint: Hashable, Sendable {
    static let standard = "unix:///run/skiff/skiffd.sock"

    var path: String

    init(_ text: String) throws(CommandError) {
        let path = text.hasPrefix("unix://") ? String(text.dropFirst("unix://".count)) : text
        guard path.hasPrefix("/") else {
            throw CommandError("read endpoint", text, "not unix:///PATH")
        }
        self.path = path
    }
}
