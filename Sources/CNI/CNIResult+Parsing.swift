// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import FoundationEssentials

extension CNIResult {
    /// The result that `text` is, in JSON.
    package init(parsing text: some Collection<UInt8>) throws(InvalidResult) {
        let json: JSONValue
        do {
            json = try JSONValue(parsing: text)
        } catch {
            throw InvalidResult("not JSON")
        }
        try self.init(json)
    }

    init(_ json: JSONValue) throws(InvalidResult) {
        guard let members = json.object else { throw InvalidResult("not a JSON object") }
        if let version = members["cniVersion"]?.string {
            guard CNIVersion(version).map(CNIVersion.supported.contains) == true else {
                throw InvalidResult("cniVersion \"\(version)\" is not supported, only \(CNIVersion.supportedText)")
            }
        }
        self.json = json
        let parts: Parts
        do {
            parts = try JSONDecoder().decode(Parts.self, from: Data(json.bytes))
        } catch let error as DecodingError {
            throw InvalidResult(error)
        } catch {
            throw InvalidResult("\(error)")
        }
        interfaces = parts.interfaces ?? []
        ips = parts.ips ?? []
        routes = parts.routes ?? []
        dns = parts.dns ?? DNS()
        for ip in ips {
            let pieces = ip.address.split(separator: "/", omittingEmptySubsequences: false)
            guard pieces.count == 2, let length = Int(pieces[1]), (0...128).contains(length), !pieces[0].isEmpty else {
                throw InvalidResult("address \"\(ip.address)\" is not in CIDR form")
            }
            if let index = ip.interface, !interfaces.indices.contains(index) {
                throw InvalidResult("address \"\(ip.address)\" is on interface \(index), which is not in the result")
            }
        }
    }

    private struct Parts: Decodable {
        var interfaces: [Interface]?
        var ips: [Address]?
        var routes: [Route]?
        var dns: DNS?
    }
}

/// Why something is not a result.
package struct InvalidResult: Error {
    /// In words.
    package var cause: String

    init(_ cause: String) { self.cause = cause }

    init(_ error: DecodingError) {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            cause = "\"\(key.stringValue)\" is missing" + (context.codingPath.isEmpty ? "" : " in \(place(context))")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            cause = "\(place(context)) is of the wrong kind"
        @unknown default:
            cause = "\(error)"
        }
    }
}
