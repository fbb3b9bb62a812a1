// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// What a user may write for an image: a transport and a place, as containers-transports(5) has them, or a plain name.
enum ImageName {
    /// `docker://busybox`: in a registry, never in the store.
    case registry(Reference)
    /// `oci:DIR[:TAG]`: in a layout on disk.
    case layout(path: String, tag: String?)
    /// `oci-archive:FILE[:TAG]`: in a layout that is packed in a tar.
    case layoutArchive(path: String, tag: String?)
    /// `docker-archive:FILE[:NAME|:@N]`: in what `docker save` writes.
    case dockerArchive(path: String, name: String?, place: Int?)
    /// `dir:DIR`: as plain files.
    case directory(String)
    /// `store:NAME`: in the store, never elsewhere.
    case store(String)
    /// Anything else: the name or id of an image in the store, or a name in a registry.
    case plain(String)

    init(parsing text: String) throws {
        guard let colon = text.firstIndex(of: ":") else {
            self = .plain(text)
            return
        }
        let rest = text[text.index(after: colon)...]
        switch text[..<colon] {
        case "docker" where rest.hasPrefix("//"): self = .registry(try Reference(parsing: String(rest.dropFirst(2))))
        case "oci":
            let (path, tag) = Self.split(rest)
            self = .layout(path: path, tag: tag)
        case "oci-archive":
            let (path, tag) = Self.split(rest)
            self = .layoutArchive(path: path, tag: tag)
        case "docker-archive":
            // The name of the image has colons of its own, so the first one ends the path.
            let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts.count > 1 ? parts[1] : nil
            let place = name.flatMap { $0.hasPrefix("@") ? Int($0.dropFirst()) : nil }
            self = .dockerArchive(path: parts[0], name: place == nil ? name : nil, place: place)
        case "dir": self = .directory(String(rest))
        case "store", "containers-storage": self = .store(String(rest))
        default: self = .plain(text)
        }
        if case .plain = self { return }
        guard !rest.isEmpty else { throw ImageSpecError(.invalid, "parse image name", text, "it names no place") }
    }

    /// A colon before a slash is part of the path.
    private static func split(_ rest: Substring) -> (path: String, tag: String?) {
        guard let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") else { return (String(rest), nil) }
        return (String(rest[..<colon]), String(rest[rest.index(after: colon)...]))
    }

    /// `localhost/<last part of the path>:<tag>`, with what no reference may have replaced by `-`.
    static func localReference(_ path: String, _ tag: String?) throws -> Reference {
        if let tag, let reference = try? Reference(parsing: tag), tag.contains("/") || tag.contains(":") {
            return reference
        }
        let last = path.split(separator: "/").last { $0 != "." && $0 != ".." } ?? "image"
        let words = last.lowercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
        let name = words.isEmpty ? "image" : words.joined(separator: "-")
        return try Reference(parsing: "localhost/\(name):\(tag ?? "latest")")
    }
}
