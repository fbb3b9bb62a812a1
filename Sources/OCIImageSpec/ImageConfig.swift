// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The configuration of an image. Its digest is the image's id. Source: image-spec, config.md.
package struct ImageConfig: Codable, Hashable, Sendable {
    /// When the image was made, as RFC 3339 text.
    package var created: String?
    /// Who made it.
    package var author: String?
    /// The CPU architecture, in Go's names.
    package var architecture: String
    /// The operating system, in Go's names.
    package var os: String
    /// The variant of the architecture.
    package var variant: String?
    /// The version of the operating system; Windows only.
    package var osVersion: String?
    /// The features asked of the operating system; Windows only.
    package var osFeatures: [String]?
    /// How to run the image.
    package var config: Execution?
    /// The layers.
    package var rootfs: RootFS
    /// How each layer came about.
    package var history: [History]?

    private enum CodingKeys: String, CodingKey {
        case created, author, architecture, os, variant, config, rootfs, history
        case osVersion = "os.version"
        case osFeatures = "os.features"
    }

    /// A configuration of the given parts.
    package init(
        platform: Platform, config: Execution? = nil, rootfs: RootFS, created: String? = nil, author: String? = nil,
        history: [History]? = nil
    ) {
        self.created = created
        self.author = author
        self.architecture = platform.architecture
        self.os = platform.os
        self.variant = platform.variant
        self.osVersion = platform.osVersion
        self.osFeatures = platform.osFeatures
        self.config = config
        self.rootfs = rootfs
        self.history = history
    }

    /// Parses a configuration; `subject` names it in errors. Throws `.invalid` or `.tooLarge`.
    package init(parsing bytes: [UInt8], subject: String) throws(ImageSpecError) {
        let operation = "parse image configuration"
        self = try decodeDocument(ImageConfig.self, bytes, operation, subject)
        guard rootfs.type == "layers" else {
            throw ImageSpecError(
                .invalid, operation, subject, "rootfs.type is \(QuotedText.line(rootfs.type)), want \"layers\"")
        }
    }

    /// The platform the image is for.
    package var platform: Platform {
        Platform(
            os: os, architecture: architecture, variant: variant, osVersion: osVersion, osFeatures: osFeatures)
    }
}

extension ImageConfig {
    /// How to run the image: the defaults of the container's process. The names are Docker's.
    package struct Execution: Codable, Hashable, Sendable {
        /// `user`, `uid`, `user:group`, `uid:gid`, `uid:group` or `user:gid`.
        package var user: String?
        /// `port/tcp`, `port/udp` or `port`.
        package var exposedPorts: [String: EmptyObject]?
        /// `NAME=VALUE` each.
        package var env: [String]?
        /// The command's first words.
        package var entrypoint: [String]?
        /// The command's further words, or the whole command when there is no entrypoint.
        package var cmd: [String]?
        /// Directories meant for data of the container.
        package var volumes: [String: EmptyObject]?
        /// The working directory; empty means `/`.
        package var workingDir: String?
        /// Free labels.
        package var labels: [String: String]?
        /// The signal that stops the container: `SIGTERM`, `15`, `SIGRTMIN+3`.
        package var stopSignal: String?
        /// Windows only.
        package var argsEscaped: Bool?

        private enum CodingKeys: String, CodingKey {
            case user = "User"
            case exposedPorts = "ExposedPorts"
            case env = "Env"
            case entrypoint = "Entrypoint"
            case cmd = "Cmd"
            case volumes = "Volumes"
            case workingDir = "WorkingDir"
            case labels = "Labels"
            case stopSignal = "StopSignal"
            case argsEscaped = "ArgsEscaped"
        }

        /// Nothing set.
        package init() {}
    }

    /// The layers, by the digests of their uncompressed tars.
    package struct RootFS: Codable, Hashable, Sendable {
        /// Always `layers`.
        package var type: String
        /// One digest per layer, lowest first.
        package var diffIDs: [Digest]

        private enum CodingKeys: String, CodingKey {
            case type
            case diffIDs = "diff_ids"
        }

        /// The given layers.
        package init(diffIDs: [Digest]) {
            self.type = "layers"
            self.diffIDs = diffIDs
        }

        /// Like the synthesised one, but takes a missing or null `diff_ids` of an image without layers.
        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            type = try container.decode(String.self, forKey: .type)
            diffIDs = try container.decodeIfPresent([Digest].self, forKey: .diffIDs) ?? []
        }
    }

    /// How one layer, or a step without a layer, came about.
    package struct History: Codable, Hashable, Sendable {
        /// When, as RFC 3339 text.
        package var created: String?
        /// By whom.
        package var author: String?
        /// By which command.
        package var createdBy: String?
        /// A remark.
        package var comment: String?
        /// True when the step left no layer.
        package var emptyLayer: Bool?

        private enum CodingKeys: String, CodingKey {
            case created, author, comment
            case createdBy = "created_by"
            case emptyLayer = "empty_layer"
        }

        /// Nothing set.
        package init() {}
    }

    /// The `{}` that Go writes for the members of a set.
    package struct EmptyObject: Codable, Hashable, Sendable {
        /// The only value.
        package init() {}
    }
}
