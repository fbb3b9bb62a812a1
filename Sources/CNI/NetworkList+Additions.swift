// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension NetworkList {
    /// Whether a plugin wants the arguments of the capability.
    package func handles(capability: String) -> Bool { plugins.contains { $0.capabilities.contains(capability) } }

    /// The same network with one more plugin at the end of its chain.
    package func appending(_ plugin: JSONValue) throws(CNIError) -> NetworkList {
        var members = source.object ?? [:]
        if let present = members["plugins"]?.array {
            members["plugins"] = .array(present + [plugin])
        } else {
            members = [
                "name": .string(name), "cniVersion": .string(version.text), "plugins": .array([source, plugin]),
            ]
        }
        return try NetworkList(.object(members), file: name)
    }
}
