// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The password and group files of a container whose user or group the image does not know: many programs fail when they
/// have no names.
enum GeneratedAccounts {
    /// The image's text with a line for the user; nil when the image has one, or has no such file at all.
    static func passwd(_ passwd: String?, _ user: UserDatabase.Identity, home: String) -> String? {
        // A working directory with a colon in it would shift the fields behind it.
        guard !home.contains(where: { ":\n".contains($0) }) else { return nil }
        return completed(
            passwd, with: "\(user.uid):x:\(user.uid):\(user.gid)::\(home):/sbin/nologin", id: user.uid, fields: 4)
    }

    /// The same for the user's group.
    static func group(_ group: String?, _ user: UserDatabase.Identity) -> String? {
        completed(group, with: "\(user.gid):x:\(user.gid):", id: user.gid, fields: 3)
    }

    /// Both files have the id in the third field of a line.
    private static func completed(_ text: String?, with line: String, id: UInt32, fields count: Int) -> String? {
        guard let text, !text.isEmpty else { return nil }
        let known = text.split(whereSeparator: \.isNewline).contains { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            return fields.count >= count && UInt32(fields[2]) == id
        }
        return known ? nil : text + (text.hasSuffix("\n") ? "" : "\n") + line + "\n"
    }
}
