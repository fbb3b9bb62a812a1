// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// What one `[[registry]]` of registries.conf says about the names that begin with its prefix.
///
/// Source: containers-registries.conf(5).
package struct RegistryRule: Hashable, Sendable {
    /// For which references a mirror is asked.
    package enum MirrorUse: String, Hashable, Sendable {
        case all
        case digestOnly = "digest-only"
        case tagOnly = "tag-only"

        func covers(_ selector: ManifestSelector) -> Bool {
            switch (self, selector) {
            case (.all, _), (.digestOnly, .digest), (.tagOnly, .tag): true
            default: false
            }
        }
    }

    /// One `[[registry.mirror]]`.
    package struct Mirror: Hashable, Sendable {
        /// What takes the prefix's place: `host[:port][/path]`.
        package var location: String
        package var isInsecure = false
        package var use = MirrorUse.all
    }

    /// `host[:port][/path]`, or `*.domain` for all hosts below a domain.
    package var prefix: String
    /// What takes the prefix's place; empty for a wildcard that rewrites nothing.
    package var location: String
    package var isInsecure = false
    package var isBlocked = false
    /// Asked before the location, in order.
    package var mirrors: [Mirror] = []

    /// How many characters of `name` (`host[:port]/path`, perhaps with tag and digest) the rule covers; nil for none.
    func covered(_ name: String) -> Int? {
        if prefix.hasPrefix("*.") {
            let suffix = prefix.dropFirst()
            guard let range = name.firstRange(of: suffix), !name[..<range.lowerBound].contains("/") else { return nil }
            let rest = name[range.upperBound...]
            guard rest.isEmpty || ":/@".contains(rest[rest.startIndex]) else { return nil }
            return name.distance(from: name.startIndex, to: range.upperBound)
        }
        guard name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        // A prefix ends where a component ends.
        return rest.isEmpty || ":/@".contains(rest[rest.startIndex]) ? prefix.count : nil
    }

    /// `repository` (`host[:port]/path`) with the prefix replaced by a location.
    func rewritten(_ repository: String, to location: String) -> String {
        guard !location.isEmpty, let count = covered(repository) else { return repository }
        return location + repository.dropFirst(count)
    }
}
