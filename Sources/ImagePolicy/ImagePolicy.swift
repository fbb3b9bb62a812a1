// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import JSON
internal import Linux
package import OCIImageSpec

/// Which images may be used: the content of policy.json. Source: containers-policy.json(5).
package struct ImagePolicy: Hashable, Sendable {
    /// What a use of an image asks for.
    package enum Demand: Hashable, Sendable {
        /// Nothing.
        case none
        /// Signatures: `check` tells whether they are good enough.
        case signatures
    }

    let fallback: [PolicyRequirement]
    let transports: [String: [String: [PolicyRequirement]]]

    /// Everything is allowed.
    package static let acceptAnything = ImagePolicy(fallback: [.insecureAcceptAnything], transports: [:])

    private init(fallback: [PolicyRequirement], transports: [String: [String: [PolicyRequirement]]]) {
        self.fallback = fallback
        self.transports = transports
    }

    /// Reads the file; nil when there is none. Blocks.
    package init?(path: String) throws(PolicyError) {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try Syscall.readFile(path, limit: 4 << 20)
        } catch .ENOENT {
            return nil
        } catch {
            throw PolicyError(.unusable, "read", path, "\(error)")
        }
        try self.init(parsing: bytes, subject: path)
    }

    /// Parses the document; `subject` names it in errors.
    package init(parsing bytes: [UInt8], subject: String) throws(PolicyError) {
        do {
            let document = try JSONDocument(bytes).decode(PolicyDocument.self)
            self.init(fallback: document.fallback, transports: document.transports)
        } catch DecodingError.dataCorrupted(let context) {
            throw PolicyError(.unusable, "read", subject, context.debugDescription)
        } catch DecodingError.keyNotFound(let key, _) {
            throw PolicyError(.unusable, "read", subject, "\"\(key.stringValue)\" is missing")
        } catch {
            throw PolicyError(.unusable, "read", subject, "\(error)")
        }
    }

    /// What the use of an image of a registry asks for. Throws `.rejected` when nothing could make it allowed.
    package func demand(for reference: Reference) throws(PolicyError) -> Demand {
        try demand(requirements("docker", reference.policyScopes), reference.familiar)
    }

    /// The same for an image elsewhere: `transport` is `oci`, `dir`, ...; its scopes are the path and its parents. Throws
    /// `.rejected` also when signatures are asked for: such images carry none that could be found.
    package func admit(transport: String, path: String) throws(PolicyError) {
        var scopes = [path]
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/"), slash != rest.startIndex {
            rest = rest[..<slash]
            scopes.append(String(rest))
        }
        let subject = "\(transport):\(path)"
        guard try demand(requirements(transport, scopes), subject) == .none else {
            throw PolicyError(.rejected, "use", subject, "the policy asks for a signature, and there are none")
        }
    }

    private func demand(_ requirements: [PolicyRequirement], _ subject: String) throws(PolicyError) -> Demand {
        var demand = Demand.none
        for requirement in requirements {
            switch requirement {
            case .insecureAcceptAnything: break
            case .reject: throw PolicyError(.rejected, "use", subject, "the policy rejects it")
            case .unsupported(let what):
                throw PolicyError(.rejected, "use", subject, "the policy asks for \(what), which is not supported")
            case .signedBy, .sigstoreSigned: demand = .signatures
            }
        }
        return demand
    }

    func requirements(_ transport: String, _ scopes: [String]) -> [PolicyRequirement] {
        guard let known = transports[transport] else { return fallback }
        for scope in scopes + [""] {
            if let found = known[scope] { return found }
        }
        return fallback
    }
}
