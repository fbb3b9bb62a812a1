// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import OCIImageSpec
internal import TOML

extension RegistriesConf {
    /// Overrides with what one file says.
    mutating func apply(_ text: String, _ file: String) throws(RegistryConfigurationError) {
        let table: FileTable
        do throws(TOMLError) {
            table = FileTable(file: file, name: "", values: try TOMLDocument(text: text).values)
        } catch {
            throw .file(file, line: error.line, error.cause)
        }
        guard table.values["registries"] == nil else {
            throw .file(file, "the format of version 1 ([registries.search] and so on) is not supported")
        }
        try table.allow([
            "unqualified-search-registries", "short-name-mode", "credential-helpers", "aliases", "registry",
            // What others do with layer stores is of no meaning here.
            "additional-layer-store-auth-helper",
        ])
        if let list = try table.strings("unqualified-search-registries") { searchRegistries = list }
        if let list = try table.strings("credential-helpers") { credentialHelpers = list }
        if let mode = try table.choice("short-name-mode", ShortNameMode.self) { shortNameMode = mode }
        for (name, target) in try table.table("aliases")?.strings() ?? [:] {
            // An empty target takes an alias of an earlier file away.
            aliases[name] = target.isEmpty ? nil : target
        }
        for entry in try table.tables("registry") {
            let rule = try RegistryRule(entry)
            rules.removeAll { $0.prefix == rule.prefix }
            rules.append(rule)
        }
    }
}

extension RegistryRule {
    fileprivate init(_ table: FileTable) throws(RegistryConfigurationError) {
        try table.allow(["prefix", "location", "insecure", "blocked", "mirror", "mirror-by-digest-only"])
        let location = try table.location("location")
        let prefix = try table.location("prefix") ?? location
        guard let prefix else { throw table.fault("it has neither prefix nor location") }
        let isWildcard = prefix.hasPrefix("*.")
        guard isWildcard || !prefix.contains("*") else {
            throw table.fault("the prefix \"\(prefix)\" has a \"*\" that is not at its beginning")
        }
        guard location != nil || isWildcard else { throw table.fault("the registry \"\(prefix)\" has no location") }
        self.prefix = prefix
        self.location = location ?? ""
        isInsecure = try table.flag("insecure") ?? false
        isBlocked = try table.flag("blocked") ?? false
        let digestOnly = try table.flag("mirror-by-digest-only") ?? false
        for entry in try table.tables("mirror") {
            try entry.allow(["location", "insecure", "pull-from-mirror"])
            guard let location = try entry.location("location") else { throw entry.fault("the mirror has no location") }
            let use = try entry.choice("pull-from-mirror", MirrorUse.self)
            guard use == nil || !digestOnly else {
                throw entry.fault("pull-from-mirror cannot be used with mirror-by-digest-only")
            }
            mirrors.append(
                Mirror(
                    location: location, isInsecure: try entry.flag("insecure") ?? false,
                    use: use ?? (digestOnly ? .digestOnly : .all)))
        }
    }
}

/// One table of a file, with its name for errors.
private struct FileTable {
    let file: String
    let name: String
    let values: [String: TOMLNode]

    func fault(_ reason: String) -> RegistryConfigurationError {
        .file(file, name.isEmpty ? reason : "[[\(name)]]: \(reason)")
    }

    private func mismatch(_ key: String, _ wanted: String, _ node: TOMLNode) -> RegistryConfigurationError {
        fault("\"\(key)\": expected \(wanted), found \(node.kind)")
    }

    /// Throws for the first key that is not among these. A typo in `blocked` must not go unnoticed.
    func allow(_ keys: Set<String>) throws(RegistryConfigurationError) {
        if let unknown = values.keys.sorted().first(where: { !keys.contains($0) }) {
            throw fault("unknown key \"\(unknown)\"")
        }
    }

    func string(_ key: String) throws(RegistryConfigurationError) -> String? {
        guard let node = values[key] else { return nil }
        guard case .string(let text) = node else { throw mismatch(key, "a string", node) }
        return text
    }

    func flag(_ key: String) throws(RegistryConfigurationError) -> Bool? {
        guard let node = values[key] else { return nil }
        guard case .boolean(let flag) = node else { throw mismatch(key, "a boolean", node) }
        return flag
    }

    func strings(_ key: String) throws(RegistryConfigurationError) -> [String]? {
        guard let node = values[key] else { return nil }
        guard case .array(let nodes) = node else { throw mismatch(key, "an array of strings", node) }
        return try nodes.map { (node) throws(RegistryConfigurationError) in
            guard case .string(let text) = node else { throw mismatch(key, "an array of strings", node) }
            return text
        }
    }

    /// All values, which are strings.
    func strings() throws(RegistryConfigurationError) -> [String: String] {
        var result: [String: String] = [:]
        for key in values.keys { result[key] = try string(key) }
        return result
    }

    func choice<Choice: RawRepresentable<String>>(
        _ key: String, _ type: Choice.Type
    ) throws(RegistryConfigurationError) -> Choice? {
        guard let text = try string(key), !text.isEmpty else { return nil }
        guard let choice = Choice(rawValue: text) else { throw fault("\"\(key)\": \"\(text)\" is not known") }
        return choice
    }

    /// `host[:port][/path]`, without a scheme.
    func location(_ key: String) throws(RegistryConfigurationError) -> String? {
        guard var text = try string(key) else { return nil }
        while text.hasSuffix("/") { text.removeLast() }
        guard !text.isEmpty else { return nil }
        guard !text.contains("://"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw fault("\"\(key)\": \"\(text)\" is not of the form host[:port][/path]")
        }
        return text
    }

    func table(_ key: String) throws(RegistryConfigurationError) -> FileTable? {
        guard let node = values[key] else { return nil }
        guard case .table(let values) = node else { throw mismatch(key, "a table", node) }
        return FileTable(file: file, name: key, values: values)
    }

    func tables(_ key: String) throws(RegistryConfigurationError) -> [FileTable] {
        guard let node = values[key] else { return [] }
        guard case .array(let nodes) = node else { throw mismatch(key, "an array of tables", node) }
        return try nodes.map { (node) throws(RegistryConfigurationError) in
            guard case .table(let values) = node else { throw mismatch(key, "an array of tables", node) }
            return FileTable(file: file, name: name.isEmpty ? key : "\(name).\(key)", values: values)
        }
    }
}
