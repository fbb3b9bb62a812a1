// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// The parsing of one reference; the grammar is at `Reference`.
struct ReferenceParser {
    let text: String

    func parse() throws(ImageSpecError) -> (domain: String, path: String, tag: String?, digest: Digest?) {
        guard !text.isEmpty else { throw fault("it is empty") }
        guard text.utf8.count <= 1024 else {
            throw ImageSpecError(.tooLarge, "parse reference", text, "\(text.utf8.count) characters")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw fault("it has a space, a control or a non-ASCII character")
        }
        let (named, digest) = try splitDigest(text[...])
        let (name, tag) = try splitTag(named)
        let (domain, path) = splitDomain(name)
        try check(domain: domain)
        try check(path: path)
        if domain == Reference.defaultDomain, tag == nil, digest == nil, name.count == 64, name.allSatisfy(\.isHexDigit)
        {
            throw fault("it is an image id, not a name")
        }
        return (domain, path, tag ?? (digest == nil ? Reference.defaultTag : nil), digest)
    }

    private func splitDigest(_ rest: Substring) throws(ImageSpecError) -> (Substring, Digest?) {
        guard let at = rest.firstIndex(of: "@") else { return (rest, nil) }
        do {
            return (rest[..<at], try Digest(parsing: String(rest[rest.index(after: at)...])))
        } catch {
            throw ImageSpecError(error.code, "parse reference", text, error.reason)
        }
    }

    /// A colon before a slash belongs to a port.
    private func splitTag(_ rest: Substring) throws(ImageSpecError) -> (Substring, String?) {
        guard let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") else { return (rest, nil) }
        let tag = rest[rest.index(after: colon)...]
        guard !tag.isEmpty else { throw fault("the tag is empty") }
        guard tag.utf8.count <= Self.tagLimit else {
            throw fault("the tag is longer than \(Self.tagLimit) characters")
        }
        guard Self.isTag(tag) else {
            throw fault("the tag may have letters, digits, \"_\", \".\" and \"-\", and not begin with the last two")
        }
        return (rest[..<colon], String(tag))
    }

    private static let tagLimit = 128

    static func isTag(_ tag: Substring) -> Bool {
        let isWord = { (byte: UInt8) in byte == UInt8(ascii: "_") || Self.isAlphanumeric(byte) }
        return tag.utf8.first.map(isWord) == true && tag.utf8.count <= tagLimit
            && tag.utf8.allSatisfy { isWord($0) || ".-".utf8.contains($0) }
    }

    /// The first component, when it is a domain.
    static func statedDomain(of name: Substring) -> Substring? {
        guard let slash = name.firstIndex(of: "/") else { return nil }
        let first = name[..<slash]
        return first == "localhost" || first.contains(where: { ".:".contains($0) || $0.isUppercase }) ? first : nil
    }

    private func splitDomain(_ name: Substring) -> (domain: String, path: String) {
        var domain = Reference.defaultDomain
        var path = String(name)
        if let first = Self.statedDomain(of: name) {
            // The old name of Docker Hub.
            domain = first == "index.docker.io" ? Reference.defaultDomain : String(first)
            path = String(name.dropFirst(first.count + 1))
        }
        if domain == Reference.defaultDomain, !path.contains("/") { path = Reference.officialPrefix + path }
        return (domain, path)
    }

    private func check(domain: String) throws(ImageSpecError) {
        var host = domain[...]
        // An IPv6 address has colons of its own and ends with the bracket.
        if let colon = domain.lastIndex(of: ":"), !domain[colon...].contains("]") {
            let digits = domain[domain.index(after: colon)...]
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), UInt16(digits) != nil else {
                throw fault("the port of the registry is not a number up to 65535")
            }
            host = domain[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            let inner = host.dropFirst().dropLast()
            guard inner.contains(":"), inner.utf8.allSatisfy({ $0 == UInt8(ascii: ":") || Self.isHex($0) }) else {
                throw fault("the registry is not a valid IPv6 address")
            }
            return
        }
        let components = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for component in components {
            let middle = component.allSatisfy { $0 == UInt8(ascii: "-") || Self.isAlphanumeric($0) }
            guard middle, component.first.map(Self.isAlphanumeric) == true,
                component.last.map(Self.isAlphanumeric) == true
            else { throw fault("the registry is not a valid host name") }
        }
    }

    private func check(path: String) throws(ImageSpecError) {
        guard path.utf8.count <= 255 else { throw fault("the repository is longer than 255 characters") }
        guard !path.utf8.contains(where: { (0x41...0x5A).contains($0) }) else {
            throw fault("the repository must be in lower case")
        }
        for component in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !component.isEmpty else { throw fault("a component of the repository is empty") }
            guard Self.isPathComponent(Array(component)) else {
                throw fault(
                    "the repository may have lower-case letters and digits, joined by \".\", \"_\", \"__\" or \"-\"")
            }
        }
    }

    /// Words of letters and digits with one separator between each two.
    private static func isPathComponent(_ bytes: [UInt8]) -> Bool {
        let isWord = { (byte: UInt8) in isAlphanumeric(byte) }
        let separators = bytes.split(omittingEmptySubsequences: true, whereSeparator: isWord)
        guard bytes.first.map(isWord) == true, bytes.last.map(isWord) == true else { return false }
        return separators.allSatisfy { separator in
            separator.allSatisfy { $0 == UInt8(ascii: "-") }
                || [".", "_", "__"].contains { separator.elementsEqual($0.utf8) }
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    private func fault(_ reason: String) -> ImageSpecError {
        ImageSpecError(.invalid, "parse reference", text, reason)
    }
}
