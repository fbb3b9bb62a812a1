// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A version of the CNI specification.
package struct CNIVersion: Sendable, Hashable, Comparable {
    /// As it stands in configurations and results.
    package let text: String
    private let parts: [Int]

    /// Versions that can be spoken, oldest first. 0.1.0 and 0.2.0 have another form of results and no lists.
    package static let supported = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"].compactMap(CNIVersion.init)

    static let supportedText = supported.map { "\"\($0.text)\"" }.joined(separator: ", ")

    /// The version that `text` names, or nil if it is none.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        guard parts.count == 3, parts.allSatisfy({ $0 >= 0 }) else { return nil }
        self.text = text
        self.parts = parts
    }

    /// The newest one that can be spoken of those that a configuration offers in `cniVersion` and `cniVersions`.
    static func best(of configuration: [String: JSONValue]) -> CNIVersion? {
        let offered = [configuration["cniVersion"]] + (configuration["cniVersions"]?.array ?? [])
        return offered.compactMap { $0?.string.flatMap(CNIVersion.init) }.filter(supported.contains).max()
    }

    /// CHECK exists, and DEL is told the result of ADD.
    var hasCheck: Bool { self >= Self(major: 0, minor: 4) }

    /// STATUS and GC exist.
    var hasUpkeep: Bool { self >= Self(major: 1, minor: 1) }

    private init(major: Int, minor: Int) {
        text = "\(major).\(minor).0"
        parts = [major, minor, 0]
    }

    package static func < (left: CNIVersion, right: CNIVersion) -> Bool {
        left.parts.lexicographicallyPrecedes(right.parts)
    }
}
