// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import Linux

/// A unix socket, written as a path or as `unix:///path`.
struct Endpoint: Hashable, Sendable {
    static let standard = "unix:///run/skiff/skiffd.sock"

    var path: String

    /// Why it cannot be reached, and what may help.
    func failure(_ error: Errno) -> CommandError {
        let advice =
            switch error {
            case .ENOENT, .ECONNREFUSED:
                "is the engine running? --runtime-endpoint, CONTAINER_RUNTIME_ENDPOINT and /etc/crictl.yaml say where"
            case .EACCES, .EPERM: "are you root?"
            default: "is this the engine's socket?"
            }
        return CommandError("connect to", path, "\(error): \(advice)")
    }

    init(_ text: String) throws(CommandError) {
        let path = text.hasPrefix("unix://") ? String(text.dropFirst("unix://".count)) : text
        guard path.hasPrefix("/") else {
            throw CommandError("read endpoint", text, "not unix:///PATH")
        }
        self.path = path
    }
}
