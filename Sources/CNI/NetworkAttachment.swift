// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A container's (a pod's) place in a network. Section 2 of the CNI specification, "Parameters".
package struct NetworkAttachment: Sendable, Equatable {
    /// The id under which plugins know the container.
    package var containerID: String
    /// The path of its network namespace; "" at DEL when that is gone.
    package var namespace: String
    /// The interface's name in the namespace.
    package var interface: String
    /// `CNI_ARGS` in order, such as `K8S_POD_NAME`.
    package var arguments: [(key: String, value: String)]
    /// Arguments of capabilities: `portMappings`, `ips`, `mac`, `bandwidth`, `dns`...
    package var capabilityArguments: [String: JSONValue]

    /// An attachment of these parts.
    package init(
        containerID: String, namespace: String, interface: String = "eth0",
        arguments: [(key: String, value: String)] = [], capabilityArguments: [String: JSONValue] = [:]
    ) {
        self.containerID = containerID
        self.namespace = namespace
        self.interface = interface
        self.arguments = arguments
        self.capabilityArguments = capabilityArguments
    }

    package static func == (left: NetworkAttachment, right: NetworkAttachment) -> Bool {
        left.containerID == right.containerID && left.namespace == right.namespace && left.interface == right.interface
            && left.arguments.map(\.key) == right.arguments.map(\.key)
            && left.arguments.map(\.value) == right.arguments.map(\.value)
            && left.capabilityArguments == right.capabilityArguments
    }

    /// Throws unless every part can be passed to a plugin and used in a file's name.
    func validate() throws(CNIError) {
        func refuse(_ subject: String, _ cause: String) -> CNIError {
            CNIError(.invalidArgument, "attach container", subject, cause)
        }
        guard Self.isIdentifier(containerID) else { throw refuse(containerID, "not a valid container id") }
        let badInInterface = interface.utf8.contains {
            $0 <= 0x20 || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ":")
        }
        guard !interface.isEmpty, interface.utf8.count <= 15, !badInInterface, interface != ".", interface != ".."
        else {
            throw refuse(containerID, "\"\(interface)\" is not a valid interface name")
        }
        for (key, value) in arguments {
            let text = key + value
            if key.isEmpty || key.contains("=") || text.contains(";") || text.utf8.contains(0) {
                throw refuse(containerID, "argument \"\(key)=\(value)\" cannot be passed")
            }
        }
    }

    /// Whether `text` may be a container's or a network's name: a letter or digit, then letters, digits, `_`, `.`, `-`.
    static func isIdentifier(_ text: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            let lower = byte | 0x20
            return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lower)
        }
        guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }
}
