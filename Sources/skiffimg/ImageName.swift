// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ImageStore
internal import OCIImageSpec
internal import Registry

/// What a user may write for an image.
enum ImageName {
    /// `docker://busybox`: in a registry, never in the store.
    case registry(Reference)
    /// `oci:DIR[:TAG]`: in a layout on disk.
    case layout(directory: String, tag: String?)
    /// Anything else: the name or id of an image in the store, or a name in a registry.
    case plain(String)

    init(parsing text: String) throws {
        if text.hasPrefix("docker://") {
            self = .registry(try Reference(parsing: String(text.dropFirst("docker://".count))))
        } else if text.hasPrefix("oci:") {
            let rest = text.dropFirst("oci:".count)
            // A colon before a slash is part of the directory's name.
            if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
                self = .layout(directory: String(rest[..<colon]), tag: String(rest[rest.index(after: colon)...]))
            } else {
                self = .layout(directory: String(rest), tag: nil)
            }
        } else {
            self = .plain(text)
        }
    }

    /// Where the image comes from, and the name it gets in the store.
    func source(_ options: SourceOptions) throws -> (source: any BlobSource, reference: Reference) {
        switch self {
        case .registry(let reference): return (try options.registries().client(reference), reference)
        case .plain(let text):
            let reference = try Reference(parsing: text)
            return (try options.registries().client(reference), reference)
        case .layout(let directory, let tag):
            let source = try LayoutSource(directory: directory, tag: tag)
            return (source, try Self.localReference(directory, tag))
        }
    }

    /// `localhost/<last part of the directory's name>:<tag>`, with what no reference may have replaced by `-`.
    private static func localReference(_ directory: String, _ tag: String?) throws -> Reference {
        let last = directory.split(separator: "/").last { $0 != "." && $0 != ".." } ?? "image"
        let words = last.lowercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
        let name = words.isEmpty ? "image" : words.joined(separator: "-")
        return try Reference(parsing: "localhost/\(name):\(tag ?? "latest")")
    }
}
