// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Glibc

/// A server that passes requests on.
struct ProxyServer: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case http
        case socks
    }

    var kind: Kind
    var host: String
    var port: Int
    var user: String?
    var password: String?
}

/// Which requests go through a proxy, in the terms of the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` that most
/// programs share. `NO_PROXY` is a list of names (with all below them), addresses, networks (`10.0.0.0/8`), each with a
/// port or without, or `*`. Loopback addresses and `localhost` are never asked for through a proxy.
package struct ProxySettings: Sendable {
    private var http = ""
    private var https = ""
    private var exceptions: [Substring] = []

    /// No proxy.
    package init() {}

    /// From the environment of a process. Names in lower case come first; `HTTP_PROXY` in upper case is not believed in a
    /// CGI program, which may have it from a header (CVE-2016-5385).
    package init(environment: [String: String]) {
        func value(_ name: String) -> String { environment[name.lowercased()] ?? environment[name] ?? "" }
        http = environment["REQUEST_METHOD"] == nil ? value("HTTP_PROXY") : environment["http_proxy"] ?? ""
        https = value("HTTPS_PROXY")
        exceptions = value("NO_PROXY").split { ", \t".contains($0) }
    }

    /// The proxy for a URL, or nil when the server is asked itself. Throws on a proxy that is no usable address.
    func server(for url: URL) throws(RequestFailure) -> ProxyServer? {
        let text = url.scheme?.lowercased() == "https" ? https : http
        guard !text.isEmpty, let host = url.host?.lowercased(), !isExcepted(host, port: url.effectivePort) else {
            return nil
        }
        let full = text.contains("://") ? text : "http://\(text)"
        guard let proxy = URL(string: full), let address = proxy.host, !address.isEmpty else {
            throw RequestFailure(.invalid, "the proxy in the environment is not a URL")
        }
        switch proxy.scheme?.lowercased() {
        case "http":
            return ProxyServer(
                kind: .http, host: address, port: proxy.port ?? 80, user: proxy.user(percentEncoded: false),
                password: proxy.password(percentEncoded: false))
        case "socks5", "socks5h":
            return ProxyServer(kind: .socks, host: address, port: proxy.port ?? 1080)
        default:
            throw RequestFailure(.unsupported, "the proxy in the environment is neither http nor socks5")
        }
    }

    private func isExcepted(_ host: String, port: Int) -> Bool {
        let host = host.trimmingBrackets
        let address = Self.address(host)
        let isLoopback = address.map { $0.count == 4 ? $0[0] == 127 : $0 == [UInt8](repeating: 0, count: 15) + [1] }
        if host == "localhost" || isLoopback == true { return true }
        return exceptions.contains { Self.covers($0.lowercased(), host, address, port) }
    }

    private static func covers(_ rule: String, _ host: String, _ address: [UInt8]?, _ port: Int) -> Bool {
        if rule == "*" { return true }
        if let slash = rule.firstIndex(of: "/") {
            guard let address, let network = Self.address(String(rule[..<slash])), network.count == address.count,
                let length = Int(rule[rule.index(after: slash)...]), (0...network.count * 8).contains(length)
            else { return false }
            return (0..<length).allSatisfy { bit in
                (network[bit / 8] ^ address[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
            }
        }
        var name = rule[...]
        // One colon is a port, or the end of an address in brackets; several are an IPv6 address.
        if let colon = name.lastIndex(of: ":"), name.firstIndex(of: ":") == colon || name[..<colon].hasSuffix("]") {
            guard Int(name[name.index(after: colon)...]) == port else { return false }
            name = name[..<colon]
        }
        let bare = String(name).trimmingBrackets
        if let other = Self.address(bare) { return other == address }
        let suffix = bare.hasPrefix("*.") ? String(bare.dropFirst()) : bare.hasPrefix(".") ? bare : ".\(bare)"
        return host.hasSuffix(suffix) || (!bare.hasPrefix("*.") && !bare.hasPrefix(".") && host == bare)
    }

    /// The bytes of an IPv4 or IPv6 address, or nil. See inet_pton(3).
    private static func address(_ text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if unsafe inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }
}

extension String {
    fileprivate var trimmingBrackets: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
    }
}
