// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Ids of pods and containers: 64 hex digits at random.
package enum Identifier {
    /// A new one.
    package static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// The one id that is `text` or begins with it; nil when none does. Throws when several do.
    package static func match(_ text: String, in ids: some Sequence<String>, kind: String) throws(ServiceError)
        -> String?
    {
        var found: String?
        for id in ids where id.hasPrefix(text) {
            if id == text { return id }
            guard found == nil else {
                throw ServiceError(.invalid, "find \(kind)", text, "the beginning is ambiguous: several ids have it")
            }
            found = id
        }
        return found
    }

    /// What a request must have: an id, or the beginning of one.
    package static func check(_ text: String, kind: String) throws(ServiceError) {
        guard !text.isEmpty else { throw ServiceError(.invalid, "find \(kind)", nil, "the request has no id") }
    }
}
