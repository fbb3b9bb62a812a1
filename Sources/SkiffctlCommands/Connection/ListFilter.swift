// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

/// What the two lists choose by on the client's side.
enum ListFilter {
    /// `key=value` pairs.
    static func labels(_ texts: [String]) throws -> [String: String] {
        var labels: [String: String] = [:]
        for text in texts {
            guard let pair = pair(text), !pair.key.isEmpty else {
                throw ValidationError("not of the form key=value: \"\(text)\"")
            }
            labels[pair.key] = pair.value
        }
        return labels
    }

    /// What stands before the first `=`, and behind it; nil without one.
    static func pair(_ text: some StringProtocol) -> (key: String, value: String)? {
        guard let sign = text.firstIndex(of: "=") else { return nil }
        return (String(text[..<sign]), String(text[sign...].dropFirst()))
    }

    /// A regular expression that may match anywhere; nil matches everything.
    static func pattern(_ text: String?) throws -> ((String) -> Bool) {
        guard let text else { return { _ in true } }
        do {
            let regex = try Regex(text)
            return { $0.firstMatch(of: regex) != nil }
        } catch {
            throw ValidationError("not a regular expression: \"\(text)\"")
        }
    }

    /// Newest first; only the first `count` unless that is nil or 0.
    static func newest<Item>(_ items: [Item], count: Int?, created: (Item) -> Int64) -> [Item] {
        let sorted = items.sorted { created($0) > created($1) }
        guard let count, count > 0 else { return sorted }
        return Array(sorted.prefix(count))
    }
}
