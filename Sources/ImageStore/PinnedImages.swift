// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec

/// Names of images that are kept whatever else goes: a whole name, the beginning of one (`registry.example/base/*`), or a
/// word that it has somewhere (`*pause*`).
package struct PinnedImages: Hashable, Sendable {
    private enum Pattern: Hashable, Sendable {
        case whole(Set<String>)
        case beginning(String)
        case word(String)
    }

    private let patterns: [Pattern]

    /// Names without domain or tag mean what they mean elsewhere: `busybox` is `docker.io/library/busybox:latest`.
    package init(_ texts: [String]) {
        patterns = texts.filter { !$0.isEmpty }.map { text in
            if text.count > 2, text.hasPrefix("*"), text.hasSuffix("*") {
                return .word(String(text.dropFirst().dropLast()))
            }
            if text.hasSuffix("*") { return .beginning(String(text.dropLast())) }
            // A text that is no reference pins nothing but an image that is called exactly so.
            let reference = try? Reference(parsing: text)
            return .whole(Set([text, reference?.description].compactMap { $0 }))
        }
    }

    /// Whether one of the image's names is meant.
    package func contains(_ names: [String]) -> Bool {
        names.contains { name in
            patterns.contains { pattern in
                switch pattern {
                case .whole(let texts): texts.contains(name)
                case .beginning(let text): name.hasPrefix(text)
                case .word(let word): name.contains(word)
                }
            }
        }
    }
}
