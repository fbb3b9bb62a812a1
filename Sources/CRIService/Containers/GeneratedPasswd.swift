// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The password file of a container whose user the image does not know: many programs fail when they have no name.
enum GeneratedPasswd {
    /// The image's text with a line for the user; nil when the image has one, or has no such file at all.
    static func text(_ passwd: String?, _ user: UserDatabase.Identity, home: String) -> String? {
        guard let passwd, !passwd.isEmpty else { return nil }
        let known = passwd.split(whereSeparator: \.isNewline).contains { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            return fields.count >= 4 && UInt32(fields[2]) == user.uid
        }
        // A working directory with a colon in it would shift the fields behind it.
        guard !known, !home.contains(where: { ":\n".contains($0) }) else { return nil }
        let end = passwd.hasSuffix("\n") ? "" : "\n"
        return "\(passwd)\(end)\(user.uid):x:\(user.uid):\(user.gid)::\(home):/sbin/nologin\n"
    }
}
