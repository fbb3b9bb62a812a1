// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Linux

/// How the deletions of a layer (`.wh.NAME`, `.wh..wh..opq`) are carried out. Source: image-spec, layer.md.
package enum Whiteout: Hashable, Sendable {
    /// As overlayfs reads them: a deleted name is a character device 0:0, an opaque directory has the attribute
    /// `opaqueMark`. The layer stays independent of those below.
    case overlay
    /// At once, in a directory that holds the layers below.
    case flatten

    /// What an entry's last step means.
    enum Mark: Equatable {
        case none
        case delete(RawName)
        case opaque
        /// Housekeeping of aufs, `.wh..wh.plnk` and its like.
        case housekeeping
    }

    static let prefix = Array(".wh.".utf8)
    private static let reserved = Array(".wh..wh.".utf8)

    static func mark(of path: EntryPath, entry: @autoclosure () -> String) throws(ArchiveError) -> Mark {
        if path.components.contains(where: { $0.starts(with: prefix) }) {
            if path.last.elementsEqual(".wh..wh..opq".utf8), !path.parent.hasMark { return .opaque }
            if path.components.contains(where: { $0.starts(with: reserved) }) { return .housekeeping }
            let name = path.last.dropFirst(prefix.count)
            guard path.last.starts(with: prefix), !path.parent.hasMark, !name.isEmpty,
                !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8)
            else { throw ArchiveError(.hostile, "unpack entry", entry(), "it is a malformed whiteout") }
            return .delete(RawName(name))
        }
        return .none
    }

    /// Whether an attribute is overlayfs's own, which an archive may not set, or one of the host's security policy.
    static func isReserved(attribute name: [UInt8]) -> Bool {
        name.starts(with: "trusted.overlay.".utf8) || name.starts(with: "user.overlay.".utf8)
            || name.elementsEqual("security.selinux".utf8) || name.elementsEqual("security.ima".utf8)
            || name.elementsEqual("security.evm".utf8)
    }

    /// Hides what the layers below have in the directory.
    static func markOpaque(_ directory: Int32) throws(Errno) {
        try Syscall.setAttribute(RawName("."), opaqueMark, Array("y".utf8), at: directory)
    }

    /// The attribute of a directory that hides what is below it; its value is `y`.
    package static let opaqueMark = RawName("\(attributesAreUsers ? "user" : "trusted").overlay.opaque")

    /// In a user namespace the attributes `trusted.*` cannot be set; overlayfs is then told to keep its marks in `user.*`. The
    /// namespace of the machine maps all ids to themselves. See user_namespaces(7).
    package static let attributesAreUsers: Bool = {
        guard let map = try? Syscall.readText("/proc/self/uid_map") else { return false }
        return map.split(whereSeparator: \.isWhitespace) != ["0", "0", "4294967295"]
    }()
}

extension EntryPath {
    fileprivate var hasMark: Bool { components.contains { $0.starts(with: ".wh.".utf8) } }
}

extension FileStatus {
    /// A deleted name in overlay form.
    package var isWhiteout: Bool { kind == .character && deviceNumber == DeviceNumber(major: 0, minor: 0) }
}
