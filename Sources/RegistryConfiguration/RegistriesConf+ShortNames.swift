// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import OCIImageSpec

extension RegistriesConf {
    /// What a name as people write it may stand for, the first one that exists being meant.
    ///
    /// A name with a registry is itself. Another one is an alias, or is looked for in the search registries; without
    /// either it is on `docker.io`, as Docker has it. Throws `.ambiguous` when there is nobody to ask which of several
    /// registries is meant, and the mode forbids to try. Source: containers-registries.conf(5), "Short-name aliasing".
    package func references(_ text: String) throws -> [Reference] {
        let plain = try Reference(parsing: text)
        guard !Reference.namesRegistry(text) else { return [plain] }
        let suffix = text.dropFirst(Self.name(of: text).count)
        let name = String(Self.name(of: text))
        if shortNameMode != .disabled, let target = aliases[name] {
            return [try qualified("\(target)\(suffix)", text)]
        }
        guard !searchRegistries.isEmpty else { return [plain] }
        guard searchRegistries.count == 1 || shortNameMode != .enforcing else {
            throw RegistryConfigurationError(
                .ambiguous, "look up", text,
                "the short name may be in any of \(searchRegistries.joined(separator: ", ")); write the registry, "
                    + "or an alias into registries.conf")
        }
        return try searchRegistries.map { try qualified("\($0)/\(text)", text) }
    }

    private func qualified(_ name: String, _ text: String) throws(RegistryConfigurationError) -> Reference {
        do {
            guard Reference.namesRegistry(name) else {
                throw ImageSpecError(.invalid, "parse reference", name, "it names no registry")
            }
            return try Reference(parsing: name)
        } catch {
            throw RegistryConfigurationError(.unusable, "look up", text, "registries.conf: \(error)")
        }
    }

    /// Without tag and digest.
    private static func name(of text: String) -> Substring {
        let named = text.prefix { $0 != "@" }
        guard let colon = named.lastIndex(of: ":"), !named[colon...].contains("/") else { return named }
        return named[..<colon]
    }
}
