// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser
import CRIAPI

/// One `--filter` of `images`.
enum ImageFilter {
    /// Whether it has no tag.
    case dangling(Bool)
    /// One of its names matches.
    case reference((String) -> Bool)
    /// It stands behind, or before, this one in the list: by its tag, digest or id. Like crictl, which takes the list for one
    /// that begins with the newest.
    case before(String)
    case since(String)

    init(_ text: String) throws {
        guard let pair = ListFilter.pair(text), !pair.value.isEmpty else {
            throw ValidationError("not of the form condition=value: \"\(text)\"")
        }
        switch pair {
        case ("dangling", "true"): self = .dangling(true)
        case ("dangling", "false"): self = .dangling(false)
        case ("dangling", _): throw ValidationError("neither true nor false: \"\(text)\"")
        case ("reference", let pattern):
            let isSlashed = pattern.count > 1 && pattern.hasPrefix("/") && pattern.hasSuffix("/")
            self = .reference(try ListFilter.pattern(isSlashed ? String(pattern.dropFirst().dropLast()) : pattern))
        case ("before", let image): self = .before(image)
        case ("since", let image): self = .since(image)
        default:
            throw ValidationError("no such condition: \"\(text)\" (dangling, reference, before, since)")
        }
    }

    /// Throws when the image that it names is not there.
    func choose(among images: [Runtime_V1_Image]) throws -> [Runtime_V1_Image] {
        switch self {
        case .dangling(let isWanted): images.filter { $0.repoTags.isEmpty == isWanted }
        case .reference(let matches): images.filter { ($0.repoTags + $0.repoDigests).contains(where: matches) }
        case .before(let name): Array(images[(try Self.index(of: name, in: images))...].dropFirst())
        case .since(let name): Array(images[..<(try Self.index(of: name, in: images))])
        }
    }

    private static func index(of name: String, in images: [Runtime_V1_Image]) throws -> Int {
        let index = images.firstIndex { image in
            (image.repoTags + image.repoDigests).contains(name)
                || !name.isEmpty && (image.id.hasPrefix(name) || image.id.hasPrefix("sha256:" + name))
        }
        guard let index else { throw CommandError("filter images", name, "not found") }
        return index
    }
}
