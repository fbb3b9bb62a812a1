// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import TOML

extension DaemonConfig {
    /// Reads `path`, then every `*.toml` in the folder `path` + `.d` in lexical order, and fills in what follows from
    /// the rest. A later file overrides single keys of an earlier one; a list replaces the whole list.
    ///
    /// Without `path`, the default file is read if it exists. With one, it must exist. Throws `ConfigurationError`.
    /// `overrides`, the text of one more file, comes last: what the command line says.
    package static func load(
        _ path: String?, overrides: (name: String, text: String)? = nil
    ) throws(ConfigurationError) -> DaemonConfig {
        let main = path ?? defaultFile
        var files: [(name: String, text: String)] = []
        if let text = try ConfigurationFiles.text(of: main) {
            files.append((main, text))
        } else if path != nil {
            throw ConfigurationError(file: main, cause: "no such file or directory")
        }
        for file in try ConfigurationFiles.dropIns(of: main) {
            // A drop-in that went away since it was listed was removed on purpose.
            if let text = try ConfigurationFiles.text(of: file) { files.append((file, text)) }
        }
        if let overrides { files.append(overrides) }
        return try load(files)
    }

    /// The same from texts in memory; each file's name only serves messages.
    package static func load(_ files: [(name: String, text: String)]) throws(ConfigurationError) -> DaemonConfig {
        var config = DaemonConfig()
        for file in files {
            try config.apply(ConfigurationDocument(file: file.name, text: file.text))
        }
        let resolved = config.resolved()
        try resolved.validate()
        return resolved
    }

    /// Overrides with every key of one file.
    private mutating func apply(_ document: ConfigurationDocument) throws(ConfigurationError) {
        var rest = document.values
        for section in Self.sections where section.name.isEmpty {
            for setting in section.settings {
                guard let node = rest.removeValue(forKey: setting.name) else { continue }
                try document.read(setting, node, into: &self, as: setting.name)
            }
        }
        for section in Self.sections where !section.name.isEmpty {
            guard let node = rest.removeValue(forKey: section.name) else { continue }
            var keys = try document.table(node, section.name)
            if section.name == "runtime" {
                for kind in Self.namedSections {
                    if let node = keys.removeValue(forKey: kind.name) { try kind.apply(&self, node, document) }
                }
            }
            try document.apply(section.settings, keys, to: &self, below: section.name)
        }
        // Sorted: the same file always gives the same error.
        if let unknown = rest.keys.sorted().first { throw document.error(unknown, "unknown key") }
    }

    /// What no single key can tell.
    private func validate() throws(ConfigurationError) {
        if root == run {
            throw ConfigurationError(key: "run", cause: "\"\(run)\" is also \"root\"")
        }
        try Self.checkPair(api.streamCertificate, api.streamKey, in: "api", "stream_tls")
        try Self.checkPair(metrics.certificate, metrics.key, in: "metrics", "tls")
        if api.streamCertificate.isEmpty, !api.streamClientAuthority.isEmpty {
            throw ConfigurationError(key: "api.stream_tls_ca", cause: "there is no \"stream_tls_cert\"")
        }
        if runtime.handlers[runtime.defaultHandler] == nil {
            let known = runtime.handlers.keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
            throw ConfigurationError(
                key: "runtime.default", cause: "no handler \"\(runtime.defaultHandler)\", only \(known)")
        }
        if runtime.options(ofHandler: runtime.defaultHandler).inheritsDefault {
            throw ConfigurationError(
                key: "\(RuntimeHandlerConfig.section).\(runtime.defaultHandler).inherit_default_runtime",
                cause: "it is the default handler itself")
        }
        do {
            _ = try Check.socket(api.listen)
        } catch {
            // Only a derived path gets here: it follows from `run`.
            throw ConfigurationError(key: "run", cause: error.cause)
        }
    }

    /// A certificate is of no use without its key, nor a key without its certificate.
    private static func checkPair(
        _ certificate: String, _ key: String, in section: String, _ name: String
    ) throws(ConfigurationError) {
        guard certificate.isEmpty != key.isEmpty else { return }
        let (has, lacks) = key.isEmpty ? ("cert", "key") : ("key", "cert")
        throw ConfigurationError(key: "\(section).\(name)_\(lacks)", cause: "needed with \"\(name)_\(has)\"")
    }
}

extension ConfigurationDocument {
    /// Reads each of `keys` by the row of its name.
    func apply<Target>(
        _ settings: [Setting<Target>], _ keys: [String: TOMLNode], to target: inout Target, below section: String
    ) throws(ConfigurationError) {
        var keys = keys
        for setting in settings {
            guard let node = keys.removeValue(forKey: setting.name) else { continue }
            try read(setting, node, into: &target, as: "\(section).\(setting.name)")
        }
        if let unknown = keys.keys.sorted().first { throw error("\(section).\(unknown)", "unknown key") }
    }

    fileprivate func read<Target>(
        _ setting: Setting<Target>, _ node: TOMLNode, into target: inout Target, as key: String
    ) throws(ConfigurationError) {
        do {
            try setting.read(&target, node)
        } catch let complaint {
            throw error(key, complaint.cause)
        }
    }

    func table(_ node: TOMLNode, _ key: String) throws(ConfigurationError) -> [String: TOMLNode] {
        guard case .table(let keys) = node else { throw error(key, "expected a table, found \(node.kind)") }
        return keys
    }
}
