// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
package import OCIImageSpec

/// The content of registries.conf (version 2) and its drop-ins: where images are looked for.
///
/// Source: containers-registries.conf(5), containers-registries.conf.d(5).
package struct RegistriesConf: Hashable, Sendable {
    /// What a name without a registry means when several registries might have it.
    package enum ShortNameMode: String, Hashable, Sendable {
        /// An alias or the only search registry; everything else is ambiguous.
        case enforcing
        /// An alias, else the search registries in turn, since nobody can be asked.
        case permissive
        /// The search registries in turn, whatever the aliases say.
        case disabled
    }

    /// The rules, in no order.
    package var rules: [RegistryRule] = []
    /// Where names without a registry are looked for, in order.
    package var searchRegistries: [String] = []
    package var shortNameMode = ShortNameMode.enforcing
    /// Names without a registry and what they stand for: `busybox = docker.io/library/busybox`.
    package var aliases: [String: String] = [:]
    /// Programs (`docker-credential-NAME`) that are asked for credentials of every registry.
    package var credentialHelpers: [String] = []

    /// Nothing said: every name is where it says, short ones on `docker.io`.
    package init() {}

    /// Reads the file, if there is one, then the `*.conf` of its folder (the same path with `.d`) in lexical order: a later
    /// file replaces whole rules of the same prefix, single aliases, and other values. `aliasCache` is one more file that
    /// may have aliases only. Blocks.
    package init(path: String, aliasCache: String? = nil) throws(RegistryConfigurationError) {
        self.init()
        for file in [path] + (try ConfigurationText.files(in: path + ".d", suffix: ".conf")) {
            if let text = try ConfigurationText.read(file) { try apply(text, file) }
        }
        if let aliasCache, let text = try ConfigurationText.read(aliasCache) {
            var cached = RegistriesConf()
            try cached.apply(text, aliasCache)
            // What the administrator wrote comes first.
            aliases.merge(cached.aliases) { own, _ in own }
        }
    }

    /// Where the repository of the reference is to be found: mirrors in order, then the place itself. Throws `.blocked`.
    package func locations(of reference: Reference) throws(RegistryConfigurationError) -> [RegistryLocation] {
        guard let rule = rule(for: reference) else {
            return [RegistryLocation(domain: reference.domain, path: reference.path)]
        }
        guard !rule.isBlocked else {
            throw RegistryConfigurationError(
                .blocked, "look up", reference.familiar, "registry \"\(rule.prefix)\" is blocked in registries.conf")
        }
        var locations: [RegistryLocation] = []
        for mirror in rule.mirrors where mirror.use.covers(reference.selector) {
            locations.append(try location(mirror.location, mirror.isInsecure, rule, reference))
        }
        locations.append(try location(rule.location, rule.isInsecure, rule, reference))
        return locations
    }

    /// The rule with the longest prefix that covers the reference.
    func rule(for reference: Reference) -> RegistryRule? {
        let name = reference.description
        return rules.filter { $0.covered(name) != nil }.max { $0.prefix.utf8.count < $1.prefix.utf8.count }
    }

    private func location(
        _ target: String, _ isInsecure: Bool, _ rule: RegistryRule, _ reference: Reference
    ) throws(RegistryConfigurationError) -> RegistryLocation {
        let name = rule.rewritten(reference.repository, to: target)
        do {
            // A location that is only a host stays one: the path of the reference is behind it.
            let rewritten = try Reference(parsing: name)
            guard name.hasPrefix("\(rewritten.domain)/") else {
                throw ImageSpecError(.invalid, "parse reference", name, "it names no registry")
            }
            return RegistryLocation(
                domain: rewritten.domain, path: rewritten.path, isInsecure: isInsecure)
        } catch {
            throw RegistryConfigurationError(.unusable, "look up", reference.familiar, "registries.conf: \(error)")
        }
    }
}
