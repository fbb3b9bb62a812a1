// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    /// Section `[metrics]`.
    package struct Metrics: Sendable, Equatable {
        /// `address:port` or a socket's path; "" for nowhere.
        package var listen = ""
        /// What the names of metrics begin with.
        package var prefix = "skiff"
        /// With a certificate they are served over TLS; "" for plain HTTP.
        package var certificate = ""
        /// The certificate's private key; both or neither.
        package var key = ""
        /// Groups of the metrics of pods that are told.
        package var podMetrics = Metrics.podGroups

        /// All groups.
        package static let podGroups = [
            "cpu", "disk", "diskIO", "hugetlb", "memory", "network", "oom", "pressure", "process", "spec",
        ]
    }

    static let metricsSection = Section(
        name: "metrics", meaning: "What skiffd does in numbers, for Prometheus, at /metrics.",
        settings: [
            Setting(
                "listen", \.metrics.listen,
                "Where they are served: 127.0.0.1:9537, or a unix socket's path. Default: nowhere.",
                check: Check.optional(Check.endpoint)),
            Setting(
                "prefix", \.metrics.prefix,
                "What their names begin with. With container_runtime_crio they are called as CRI-O's are.",
                check: Check.metricName),
            Setting(
                "tls_cert", \.metrics.certificate, "Certificate chain in PEM: with it they are served over TLS.",
                check: Check.optional(Check.folder)),
            Setting(
                "tls_key", \.metrics.key, "Private key of the certificate, in PEM.",
                check: Check.optional(Check.folder)),
            Setting(
                "pod_metrics", \.metrics.podMetrics,
                "Groups of metrics that kubelet gets of pods and containers by ListPodSandboxMetrics.",
                check: Check.podMetrics),
        ])
}

extension Check {
    /// A unix socket's path, or an address and a port: `[::1]:9537`.
    static func endpoint(_ text: String) throws(Complaint) -> String {
        if text.hasPrefix("/") { return try socket(text) }
        guard let colon = text.lastIndex(of: ":"), let number = Int(text[text.index(after: colon)...]) else {
            throw Complaint("\"\(text)\" is neither a path nor of the form \"address:port\"")
        }
        _ = try port(number)
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            // Whether the last number is a port or a part of the address would be a guess.
            throw Complaint("\"\(host)\" must stand in brackets before a port")
        }
        _ = try address(String(host))
        return text
    }

    /// Names of groups.
    static func podMetrics(_ list: [String]) throws(Complaint) -> [String] {
        for name in list where !DaemonConfig.Metrics.podGroups.contains(name) {
            let known = DaemonConfig.Metrics.podGroups.joined(separator: ", ")
            throw Complaint("\"\(name)\" is no group of metrics: they are \(known)")
        }
        return list
    }

    /// Letters, digits and `_`, not a digit first.
    static func metricName(_ text: String) throws(Complaint) -> String {
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isName, let first = text.first, !first.isNumber else {
            throw Complaint("\"\(text)\" is not the beginning of a metric's name: letters, digits and \"_\"")
        }
        return text
    }
}
