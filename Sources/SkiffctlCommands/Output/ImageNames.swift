// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI

/// Names of images for people.
enum ImageNames {
    struct Row: Equatable {
        var repository: String
        var tag: String
        var digest: String
    }

    /// One row for each tag; an image without a tag has one with its repository.
    static func rows(_ image: Runtime_V1_Image) -> [Row] {
        let digests = image.repoDigests.compactMap { text -> (repository: String, digest: String)? in
            guard let at = text.firstIndex(of: "@") else { return nil }
            return (String(text[..<at]), String(text[text.index(after: at)...]))
        }
        let none = "<none>"
        if image.repoTags.isEmpty {
            return [
                Row(repository: digests.first?.repository ?? none, tag: none, digest: digests.first?.digest ?? none)
            ]
        }
        return image.repoTags.map { text in
            let (repository, tag) = split(text)
            let digest = digests.first { $0.repository == repository } ?? digests.first
            return Row(repository: repository, tag: tag, digest: digest?.digest ?? none)
        }
    }

    static func sortKey(_ image: Runtime_V1_Image) -> String {
        (image.repoTags.min() ?? image.repoDigests.min() ?? "") + " " + image.id
    }

    static func details(_ image: Runtime_V1_Image) -> Details {
        var details = Details()
        details.add("ID", image.id)
        for tag in image.repoTags { details.add("RepoTags", tag) }
        for digest in image.repoDigests { details.add("RepoDigests", digest) }
        details.add("Size", HumanUnits.size(image.size))
        details.add("Uid", image.hasUid ? String(image.uid.value) : "")
        details.add("Username", image.username)
        if image.pinned { details.add("Pinned", "true") }
        return details
    }

    /// The tag follows the last colon, if that is not the one of a port.
    private static func split(_ name: String) -> (repository: String, tag: String) {
        guard let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") else { return (name, "<none>") }
        return (String(name[..<colon]), String(name[name.index(after: colon)...]))
    }
}
