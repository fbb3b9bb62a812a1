// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec
internal import Yams

/// The content of registries.d: where the signatures of images are. Source: containers-registries.d(5).
package struct SignatureStorage: Hashable, Sendable {
    /// Where the signatures of one repository are.
    package struct Place: Hashable, Sendable {
        /// A folder of signatures by URL (`https:`, `http:`, `file:`); the repository's path follows it.
        package var lookaside: String?
        /// Whether the registry keeps signatures as images beside the image.
        package var usesAttachments = false
    }

    private struct File: Decodable {
        struct Entry: Decodable {
            var lookaside: String?
            var sigstore: String?
            var attachments: Bool?

            enum CodingKeys: String, CodingKey {
                case lookaside, sigstore
                case attachments = "use-sigstore-attachments"
            }
        }

        var fallback: Entry?
        var docker: [String: Entry]?

        enum CodingKeys: String, CodingKey {
            case fallback = "default-docker"
            case docker
        }
    }

    private var fallback = Place()
    private var places: [String: Place] = [:]

    /// Reads the `*.yaml` of the folder; without a folder, nobody has signatures. Blocks.
    package init(folder: String) throws(RegistryConfigurationError) {
        for path in try ConfigurationText.files(in: folder, suffix: ".yaml") {
            guard let text = try ConfigurationText.read(path) else { continue }
            let file: File
            do {
                // A file of comments only says nothing.
                guard try Yams.compose(yaml: text) != nil else { continue }
                file = try YAMLDecoder().decode(File.self, from: text)
            } catch {
                throw .file(path, "not valid: \(error)".replacing("\n", with: " "))
            }
            if let entry = file.fallback { fallback = Self.place(entry, fallback) }
            for (scope, entry) in file.docker ?? [:] {
                guard places[scope] == nil else {
                    throw .file(path, "\(QuotedText.line(scope)) is in another file too")
                }
                places[scope] = Self.place(entry, Place())
            }
        }
    }

    private static func place(_ entry: File.Entry, _ base: Place) -> Place {
        Place(
            lookaside: entry.lookaside ?? entry.sigstore ?? base.lookaside,
            usesAttachments: entry.attachments ?? base.usesAttachments)
    }

    /// The place of the most specific scope that says something, else the default.
    package func place(of reference: Reference) -> Place {
        for scope in reference.policyScopes {
            if let place = places[scope] { return place }
        }
        return fallback
    }
}
