// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A network: plugins that are called one after the other. Section 1 of the CNI specification ("Network configuration
/// format"), https://www.cni.dev/docs/spec/.
package struct NetworkList: Sendable, Equatable {
    /// The network's name, unique on this machine.
    package let name: String
    /// The version of the specification spoken with every plugin.
    package let version: CNIVersion
    /// Whether its administrator wants no CHECK.
    package let disableCheck: Bool
    /// Whether its administrator wants no GC.
    let disableGC: Bool
    /// The plugins in the order of ADD; never empty.
    package let plugins: [Plugin]
    /// The configuration as it came, to be kept with each attachment.
    let source: JSONValue

    /// One plugin of the list.
    package struct Plugin: Sendable, Equatable {
        /// The name of the program.
        package let type: String
        /// The capabilities whose arguments it wants in `runtimeConfig`.
        let capabilities: Set<String>
        /// Its configuration as it came.
        let configuration: [String: JSONValue]
    }

    /// Reads a list (`plugins` present) or a single plugin, of which it makes a list of one. `file` names it in errors.
    package init(parsing text: some Collection<UInt8>, file: String) throws(CNIError) {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: text)
        } catch {
            throw Self.invalid(file, "malformed JSON")
        }
        try self.init(json, file: file)
    }

    init(_ json: JSONValue, file: String) throws(CNIError) {
        guard let members = json.object else { throw Self.invalid(file, "not a JSON object") }
        guard let name = members["name"]?.string else { throw Self.invalid(file, "\"name\" is missing") }
        guard NetworkAttachment.isIdentifier(name) else {
            throw Self.invalid(file, "\"name\" is not valid: \"\(name)\"")
        }
        guard let version = CNIVersion.best(of: members) else {
            let wanted = members["cniVersion"]?.string.map { "cniVersion \"\($0)\"" } ?? "a missing cniVersion"
            throw Self.invalid(file, "\(wanted) is not supported, only \(CNIVersion.supportedText)")
        }
        self.name = name
        self.version = version
        source = json
        // Lists of old put it in quotes: the specification once showed it so.
        disableCheck = members["disableCheck"]?.isTrue == true || members["disableCheck"]?.string == "true"
        disableGC = members["disableGC"]?.isTrue == true || members["disableGC"]?.string == "true"
        if let plugins = members["plugins"] {
            guard let list = plugins.array, !list.isEmpty else {
                throw Self.invalid(file, "\"plugins\" is not a list of plugins")
            }
            self.plugins = try list.enumerated().map { (index, plugin) throws(CNIError) in
                try Plugin(plugin, file: file, place: "plugin \(index)")
            }
        } else {
            plugins = [try Plugin(json, file: file, place: "network")]
        }
    }

    static func invalid(_ file: String, _ cause: String) -> CNIError {
        CNIError(.invalidConfiguration, "read network configuration", file, cause)
    }
}

extension NetworkList.Plugin {
    fileprivate init(_ json: JSONValue, file: String, place: String) throws(CNIError) {
        guard let members = json.object else { throw NetworkList.invalid(file, "\(place) is not a JSON object") }
        guard let type = members["type"]?.string else { throw NetworkList.invalid(file, "\(place) has no \"type\"") }
        // It becomes a file's name.
        guard !type.isEmpty, !type.contains("/"), type != ".", type != ".." else {
            throw NetworkList.invalid(file, "\(place) has the type \"\(type)\", which is not a program's name")
        }
        self.type = type
        capabilities = Set((members["capabilities"]?.object ?? [:]).filter { $0.value.isTrue }.keys)
        configuration = members
    }

    /// What the plugin reads from its standard input: section 3, "Deriving execution configuration from plugin
    /// configuration".
    func input(
        of list: NetworkList, arguments: [String: JSONValue], previous: JSONValue?
    ) -> JSONValue {
        var members = configuration
        members["name"] = .string(list.name)
        members["cniVersion"] = .string(list.version.text)
        members["plugins"] = nil
        members["prevResult"] = previous
        let wanted = arguments.filter { capabilities.contains($0.key) }
        if !wanted.isEmpty {
            members["runtimeConfig"] = .object((members["runtimeConfig"]?.object ?? [:]).merging(wanted) { $1 })
        }
        return .object(members)
    }
}
