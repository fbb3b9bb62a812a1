// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// An operating system on a CPU, in Go's names. Source: image-spec, image-index.md, "platform".
package struct Platform: Codable, Hashable, Sendable, CustomStringConvertible {
    /// `linux`
    package var os: String
    /// `amd64`, `arm64`, `arm`, ...
    package var architecture: String
    /// `v7`, `v8`, ...
    package var variant: String?
    /// Windows only.
    package var osVersion: String?
    /// Windows only.
    package var osFeatures: [String]?

    private enum CodingKeys: String, CodingKey {
        case os, architecture, variant
        case osVersion = "os.version"
        case osFeatures = "os.features"
    }

    /// A platform of the given parts, which are taken as they are.
    package init(
        os: String, architecture: String, variant: String? = nil, osVersion: String? = nil, osFeatures: [String]? = nil
    ) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
        self.osVersion = osVersion
        self.osFeatures = osFeatures
    }

    /// Parses `os/architecture` or `os/architecture/variant`; the kernel's names of architectures are understood.
    package init(parsing text: String) throws(ImageSpecError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let isWord = { (part: String) in
            !part.isEmpty
                && part.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F }
        }
        guard (2...3).contains(parts.count), parts.allSatisfy(isWord) else {
            throw ImageSpecError(.invalid, "parse platform", text, "want os/architecture[/variant]")
        }
        let known = Self.kernelNames[parts[1]]
        self.init(
            os: parts[0], architecture: known?.architecture ?? parts[1],
            variant: parts.count == 3 ? parts[2] : known?.variant)
    }

    /// The platform this program was compiled for.
    package static var current: Platform {
        #if arch(x86_64)
            Platform(os: "linux", architecture: "amd64")
        #elseif arch(arm64)
            Platform(os: "linux", architecture: "arm64", variant: "v8")
        #elseif arch(arm)
            Platform(os: "linux", architecture: "arm", variant: "v7")
        #elseif arch(powerpc64le)
            Platform(os: "linux", architecture: "ppc64le")
        #elseif arch(s390x)
            Platform(os: "linux", architecture: "s390x")
        #else
            Platform(os: "linux", architecture: "riscv64")
        #endif
    }

    /// `linux/arm64/v8`
    package var description: String {
        [os, architecture, variant ?? ""].filter { !$0.isEmpty }.joined(separator: "/")
    }

    /// Names of `uname -m` and Debian.
    private static let kernelNames: [String: (architecture: String, variant: String?)] = [
        "x86_64": ("amd64", nil), "aarch64": ("arm64", nil), "i386": ("386", nil), "i686": ("386", nil),
        "armhf": ("arm", "v7"), "armel": ("arm", "v6"), "armv7l": ("arm", "v7"), "armv6l": ("arm", "v6"),
    ]
}
