// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Paths as text, without a look at any file system. As the kernel does, they go by bytes: to Swift a slash and an accent
/// that follows it are one character, which is no slash.
enum LexicalPath {
    /// The absolute path without empty components, `.` and `..`; a relative one counts from `base`. `..` stops at `/`.
    static func absolute(_ path: String, base: String = "/") -> String {
        let whole = path.utf8.first == UInt8(ascii: "/") ? path : "\(base)/\(path)"
        var parts: [Substring] = []
        for part in whole.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init) where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Whether the path is the directory or lies below it; both absolute and clean.
    static func isWithin(_ path: String, _ directory: String) -> Bool {
        directory == "/" || path == directory || path.utf8.starts(with: "\(directory)/".utf8)
    }
}
