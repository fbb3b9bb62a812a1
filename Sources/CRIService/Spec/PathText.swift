// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Paths as text. They go by bytes, as the kernel's do: to Swift a slash and an accent that follows it are one `Character`,
/// which is no slash.
enum PathText {
    private static let slash = UInt8(ascii: "/")

    static func isAbsolute(_ path: String) -> Bool { path.utf8.first == slash }

    /// Whether a `..` is among its names.
    static func climbs(_ path: String) -> Bool {
        path.utf8.split(separator: slash).contains { $0.elementsEqual("..".utf8) }
    }

    /// How many slashes it has.
    static func depth(_ path: String) -> Int { path.utf8.count { $0 == slash } }

    /// Without double and trailing slashes and `.`; `..` goes up and stops at the root.
    static func normalised(_ path: String) -> String {
        var names: [Substring] = []
        for name in path.utf8.split(separator: slash).map(Substring.init) where name != "." {
            if name == ".." { _ = names.popLast() } else { names.append(name) }
        }
        return (isAbsolute(path) ? "/" : "") + names.joined(separator: "/")
    }

    /// Whether it is that folder or lies in it.
    static func isAt(_ path: String, orBelow folder: String) -> Bool {
        path.utf8.starts(with: folder.utf8)
            && (path == folder || path.utf8.dropFirst(folder.utf8.count).first == slash)
    }
}
