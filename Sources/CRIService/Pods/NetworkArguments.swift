// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CNI
internal import CRIAPI
internal import Linux

/// What a pod asks of its network: the arguments of capabilities, from its ports, its DNS and its annotations.
///
/// | annotation | capability |
/// |---|---|
/// | `kubernetes.io/ingress-bandwidth`, `kubernetes.io/egress-bandwidth` | `bandwidth`: bits a second, `10M` |
/// | `ips.skiff.io` | `ips`: addresses with commas between them |
/// | `mac.skiff.io` | `mac` |
/// | `ip-ranges.skiff.io` | `ipRanges`: JSON as the plugin has it |
enum NetworkArguments {
    static func make(_ config: CRI.PodConfig, cgroup: String) throws(ServiceError) -> [String: JSONValue] {
        var arguments: [String: JSONValue] = ["cgroupPath": .string(cgroup)]
        let mappings = try portMappings(config.portMappings)
        if !mappings.isEmpty { arguments["portMappings"] = .array(mappings) }
        let annotations = config.annotations
        if !annotations.isEmpty {
            arguments["io.kubernetes.cri.pod-annotations"] = .object(annotations.mapValues(JSONValue.string))
        }
        if let dns = dns(config.dnsConfig) { arguments["dns"] = dns }
        if let bandwidth = try bandwidth(annotations) { arguments["bandwidth"] = bandwidth }
        if let text = annotations["ips.skiff.io"] {
            let ips = text.split { $0 == "," || $0 == " " }.map { JSONValue.string(String($0)) }
            arguments["ips"] = .array(ips)
        }
        if let mac = annotations["mac.skiff.io"] { arguments["mac"] = .string(mac) }
        if let text = annotations["ip-ranges.skiff.io"] {
            guard let ranges = try? JSONValue(parsing: Array(text.utf8)), ranges.array != nil else {
                throw refuse("ip-ranges.skiff.io", text, "want a JSON array of range sets")
            }
            arguments["ipRanges"] = ranges
        }
        return arguments
    }

    static func portMappings(_ mappings: [CRI.PortMapping]) throws(ServiceError) -> [JSONValue] {
        var found: [JSONValue] = []
        for mapping in mappings where mapping.hostPort != 0 {
            for port in [mapping.hostPort, mapping.containerPort] where !(1...65535).contains(port) {
                throw ServiceError(.invalid, "map port", "\(port)", "want 1 to 65535")
            }
            var members: [String: JSONValue] = [
                "hostPort": .integer(Int(mapping.hostPort)), "containerPort": .integer(Int(mapping.containerPort)),
                "protocol": .string(try name(mapping.protocol)),
            ]
            if !mapping.hostIp.isEmpty {
                guard IPAddress.isValid(mapping.hostIp) else {
                    throw ServiceError(.invalid, "map port at", mapping.hostIp, "not an IP address")
                }
                members["hostIP"] = .string(mapping.hostIp)
            }
            found.append(.object(members))
        }
        return found
    }

    private static func name(_ value: Runtime_V1_Protocol) throws(ServiceError) -> String {
        switch value {
        case .tcp: return "tcp"
        case .udp: return "udp"
        case .sctp: return "sctp"
        case .UNRECOGNIZED(let number): throw ServiceError(.invalid, "map port", nil, "no protocol \(number)")
        }
    }

    private static func dns(_ config: CRI.DNSConfig) -> JSONValue? {
        func list(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
        guard config != CRI.DNSConfig() else { return nil }
        return [
            "servers": list(config.servers), "searches": list(config.searches), "options": list(config.options),
        ]
    }

    private static func bandwidth(_ annotations: [String: String]) throws(ServiceError) -> JSONValue? {
        var members: [String: JSONValue] = [:]
        for (direction, key) in [
            ("ingress", "kubernetes.io/ingress-bandwidth"), ("egress", "kubernetes.io/egress-bandwidth"),
        ] {
            guard let text = annotations[key] else { continue }
            guard let rate = quantity(text), (1000...1_000_000_000_000_000).contains(rate) else {
                throw refuse(key, text, "want bits a second from 1k to 1P, such as 10M")
            }
            members["\(direction)Rate"] = .integer(rate)
            // No burst is held back: the plugin takes what 32 bits hold.
            members["\(direction)Burst"] = .integer(Int(UInt32.max))
        }
        return members.isEmpty ? nil : .object(members)
    }

    /// A whole number with a suffix of Kubernetes: `10M`, `1Gi`, `1500`.
    static func quantity(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let factors: [Substring: Int] = [
            "": 1, "k": 1000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000, "Ki": 1 << 10, "Mi": 1 << 20,
            "Gi": 1 << 30, "Ti": 1 << 40,
        ]
        guard let number = Int(digits), let factor = factors[text.dropFirst(digits.count)] else { return nil }
        let product = number.multipliedReportingOverflow(by: factor)
        return product.overflow ? nil : product.partialValue
    }

    private static func refuse(_ annotation: String, _ value: String, _ cause: String) -> ServiceError {
        ServiceError(.invalid, "read annotation", annotation, "\"\(value)\": \(cause)")
    }
}
