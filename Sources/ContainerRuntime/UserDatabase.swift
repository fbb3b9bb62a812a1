// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// /etc/passwd of the root that the caller is in. See passwd(5).
package enum UserDatabase {
    /// The environment with HOME as execution needs it: that of the user where none is given.
    static func completing(_ environment: [String], uid: UInt32) -> [String] {
        if environment.contains(where: { $0.hasPrefix("HOME=") && $0 != "HOME=" }) { return environment }
        return environment.filter { $0 != "HOME=" } + ["HOME=\(home(of: uid))"]
    }

    /// `/` where the user is not known.
    private static func home(of uid: UInt32) -> String {
        guard let entry = entry(of: uid), entry.count > 5, !entry[5].isEmpty else { return "/" }
        return String(entry[5])
    }

    /// The user's name, or `#1000` where there is none.
    package static func name(of uid: UInt32) -> String {
        if uid == 0 { return "root" }
        return entry(of: uid).map { String($0[0]) } ?? "#\(uid)"
    }

    private static func entry(of uid: UInt32) -> [Substring]? {
        // A fifo in the place of the file must not stop the reader; no file means no users.
        guard let file = try? Syscall.open("/etc/passwd", [.readOnly, .nonblocking]),
            let status = try? file.status(), status.kind == .regular, let bytes = try? file.readAll(limit: 1 << 24)
        else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count > 2, UInt32(fields[2]) == uid { return fields }
        }
        return nil
    }
}
