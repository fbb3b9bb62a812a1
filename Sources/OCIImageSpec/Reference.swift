// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The name of an image: `domain/path[:tag][@digest]`.
///
/// The grammar and its limits are those of distribution/reference:
///
///     reference        := name [ ":" tag ] [ "@" digest ]
///     name             := [ domain "/" ] path                       (path at most 255 characters)
///     domain           := host [ ":" port ]
///     host             := component [ "." component ]* | "[" IPv6 "]"
///     component        := alnum | alnum [ alnum | "-" ]* alnum      (any case)
///     path             := path-component [ "/" path-component ]*
///     path-component   := word [ separator word ]*                  (word: [a-z0-9]+)
///     separator        := "." | "_" | "__" | "-"+
///     tag              := [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
///
/// As Docker does, a name without domain is on `docker.io`, there a name of one component is in `library/`, and
/// without tag and digest the tag is `latest`. The first component is a domain when it has a dot, a colon or an
/// upper-case letter, or is `localhost`.
package struct Reference: Hashable, Sendable, CustomStringConvertible {
    /// The registry as named: `docker.io`, `localhost:5000`, `[::1]:5000`.
    package let domain: String
    /// The repository within the registry: `library/busybox`.
    package let path: String
    /// The tag, if stated or implied.
    package let tag: String?
    /// The digest, if stated.
    package let digest: Digest?

    /// Parses and normalises a name. Throws an error that says which part is wrong.
    package init(parsing text: String) throws(ImageSpecError) {
        let parser = ReferenceParser(text: text)
        (domain, path, tag, digest) = try parser.parse()
    }

    /// A reference of checked parts.
    private init(domain: String, path: String, tag: String?, digest: Digest?) {
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Whether the text names its registry, and is not a short name that may mean several images.
    package static func namesRegistry(_ text: String) -> Bool { ReferenceParser.statedDomain(of: text[...]) != nil }

    /// Whether the text can be the tag of an image.
    package static func isTag(_ text: String) -> Bool { ReferenceParser.isTag(text[...]) }

    /// `docker.io/library/busybox`
    package var repository: String { "\(domain)/\(path)" }

    /// The full form: `docker.io/library/busybox:latest@sha256:...`, with whatever of tag and digest there is.
    package var description: String {
        repository + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// `docker.io/library/busybox:latest` when there is a tag.
    package var tagged: String? { tag.map { "\(repository):\($0)" } }

    /// The short form that people write, which parses to the same reference: `busybox:latest`.
    package var familiar: String {
        guard domain == Self.defaultDomain else { return description }
        let components = path.split(separator: "/")
        let suffix = description.dropFirst(repository.count)
        if components.count == 2, path.hasPrefix(Self.officialPrefix) { return "\(components[1])\(suffix)" }
        // Without its domain, a path such as `a.b/c` would name the registry a.b.
        let isPlain = components.count > 1 && !components[0].contains(".") && components[0] != "localhost"
        return isPlain ? "\(path)\(suffix)" : description
    }

    /// The names under which policies and signature stores may speak of this image, most specific first: in full, the
    /// repository, each namespace, the host, and the domains above it as `*.domain`. Source: containers-policy.json(5).
    package var policyScopes: [String] {
        var scopes = [digest.map { "\(repository)@\($0)" } ?? tagged ?? repository]
        var name = repository[...]
        scopes.append(String(name))
        while let slash = name.lastIndex(of: "/") {
            name = name[..<slash]
            scopes.append(String(name))
        }
        while let dot = name.firstIndex(of: ".") {
            name = name[name.index(after: dot)...]
            scopes.append("*.\(name)")
        }
        return scopes
    }

    /// Which manifest to fetch: the digest wins over the tag.
    package var selector: ManifestSelector {
        digest.map { .digest($0) } ?? .tag(tag ?? Self.defaultTag)
    }

    /// The same repository with this digest and no tag: `docker.io/library/busybox@sha256:...`
    package func at(_ digest: Digest) -> Reference {
        Reference(domain: domain, path: path, tag: nil, digest: digest)
    }

    static let defaultDomain = "docker.io"
    static let defaultTag = "latest"
    static let officialPrefix = "library/"
}
