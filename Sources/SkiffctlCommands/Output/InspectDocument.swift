// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import SwiftProtobuf

/// What the `inspect` commands print: the status, and behind it what the engine tells on top.
enum InspectDocument {
    /// Times in the status become text; a value that holds JSON is printed as such.
    static func make(_ status: JSON, times: [String] = [], info: [String: String]) -> JSON {
        var readable = status
        for key in times {
            guard case .string(let text)? = status[key], let time = Int64(text) else { continue }
            readable[key] = .string(time == 0 ? "0001-01-01T00:00:00Z" : Clock.text(time))
        }
        var document: JSON = .object(["status": readable])
        for (key, text) in info.sorted(by: { $0.key < $1.key }) {
            document[key] = (try? JSONParser.parse(text.utf8)) ?? .string(text)
        }
        return document
    }
}
