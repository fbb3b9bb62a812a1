// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import FoundationEssentials

/// What `run IMAGE [COMMAND...]` asks for without files: a pod of its own with one container.
enum QuickRun {
    /// A name for people: the last word of the image's name and six letters at random.
    static func name(_ image: String) -> String {
        let path = image.prefix { $0 != "@" }.split(separator: "/").last ?? "pod"
        let word = path.prefix { $0 != ":" }.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let letters = (0..<6).map { _ in "abcdefghijklmnopqrstuvwxyz".randomElement() ?? "x" }
        return String(word.prefix(40)) + "-" + String(letters)
    }

    /// Where the pod's logs are when nobody says. Skiff has a folder for a pod without one, which goes with the pod; an engine
    /// that may have none gets that of kubelet's pods, and leaves it.
    static func logDirectory(of name: String, on engine: String) -> String {
        engine == "skiff" ? "" : "/var/log/pods/default_\(name)_\(name)"
    }

    static func pod(_ name: String, ports: [Runtime_V1_PortMapping], logs: String) -> Runtime_V1_PodSandboxConfig {
        var config = Runtime_V1_PodSandboxConfig()
        config.metadata.name = name
        config.metadata.namespace = "default"
        config.metadata.uid = name
        config.hostname = name
        config.logDirectory = logs
        config.portMappings = ports
        return config
    }

    static func container(
        _ name: String, image: String, command: [String], environment: [String]
    ) throws(CommandError) -> Runtime_V1_ContainerConfig {
        var config = Runtime_V1_ContainerConfig()
        config.metadata.name = name
        config.image.image = image
        config.image.userSpecifiedImage = image
        config.args = command
        config.logPath = "\(name)/0.log"
        for text in environment {
            guard let pair = ListFilter.pair(text), !pair.key.isEmpty else {
                throw CommandError("read variable", text, "not of the form NAME=value")
            }
            var variable = Runtime_V1_KeyValue()
            variable.key = pair.key
            variable.value = Data(pair.value.utf8)
            config.envs.append(variable)
        }
        return config
    }

    /// `8080:80`, `127.0.0.1:8080:80/udp`, `[::1]:8080:80`.
    static func port(_ text: String) throws(CommandError) -> Runtime_V1_PortMapping {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let protocols: [Substring: Runtime_V1_Protocol] = ["tcp": .tcp, "udp": .udp, "sctp": .sctp]
        var mapping = Runtime_V1_PortMapping()
        let words = parts[0].split(separator: ":", omittingEmptySubsequences: false)
        guard let kind = protocols[parts.count == 2 ? parts[1] : "tcp"], words.count >= 2,
            let host = UInt16(words[words.count - 2]), let inner = UInt16(words[words.count - 1]), host > 0, inner > 0
        else { throw CommandError("read port", text, "not of the form [ADDRESS:]HOSTPORT:PORT[/tcp|udp|sctp]") }
        mapping.protocol = kind
        mapping.hostPort = Int32(host)
        mapping.containerPort = Int32(inner)
        mapping.hostIp = words.dropLast(2).joined(separator: ":").filter { $0 != "[" && $0 != "]" }
        return mapping
    }
}
