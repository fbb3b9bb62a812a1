// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import NIOHTTP1

/// Where a redirect leads, and what may be told there.
struct Redirect {
    /// Most redirects followed for one request.
    static let limit = 10

    var target: URL
    /// Whether target and origin are the same server: only then may credentials go along. Source: distribution-spec,
    /// "Pulling manifests"; CVE-2020-15157.
    var staysOnServer: Bool

    /// The redirect of an answer, or nil when it is none. Throws on targets that are not followed: other schemes, and
    /// plain HTTP coming from TLS unless `plainAllowed`.
    init?(
        status: HTTPResponseStatus, location: String?, from origin: URL, plainAllowed: Bool
    ) throws(RequestFailure) {
        guard [301, 302, 303, 307, 308].contains(status.code) else { return nil }
        guard let location, let target = URL(string: location, relativeTo: origin)?.absoluteURL, target.host != nil
        else { throw RequestFailure(.invalid, "redirected without a usable location") }
        let scheme = target.scheme?.lowercased()
        guard scheme == "https" || scheme == "http" else {
            throw RequestFailure(.invalid, "redirected to a URL that is not http or https")
        }
        guard scheme == "https" || origin.scheme == "http" || plainAllowed else {
            throw RequestFailure(.invalid, "redirected from https to plain http at \(target.peer)")
        }
        self.target = target
        self.staysOnServer = target.origin == origin.origin
    }
}

extension URL {
    /// Scheme, host and port: what makes a server.
    var origin: [String] { [scheme?.lowercased() ?? "", host?.lowercased() ?? "", "\(effectivePort)"] }

    /// `host:port`, as it is told in errors.
    var peer: String {
        let host = host ?? ""
        return host.contains(":") && !host.hasPrefix("[") ? "[\(host)]:\(effectivePort)" : "\(host):\(effectivePort)"
    }

    /// The port, stated or implied.
    var effectivePort: Int { port ?? (scheme?.lowercased() == "https" ? 443 : 80) }
}
