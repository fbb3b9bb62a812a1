// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import SwiftProtobuf

/// Messages as crictl prints them: protobuf's JSON with members that have their default value, in the order of a shape.
enum ProtoJSON {
    static func value(_ message: some SwiftProtobuf.Message, shape: JSON) throws -> JSON {
        complete(try JSONParser.parse(try message.jsonString().utf8), shape: shape)
    }

    /// Adds what protobuf's JSON leaves out. In a shape, an object with members is a message, which stays absent; an
    /// empty one is a map; an array has the shape of its elements, if they are messages.
    static func complete(_ json: JSON, shape: JSON) -> JSON {
        switch (json, shape) {
        case (.object(let members), .object(let wanted)) where !wanted.isEmpty:
            let known = wanted.compactMap { member -> JSON.Member? in
                if let value = json[member.key] {
                    return JSON.Member(key: member.key, value: complete(value, shape: member.value))
                }
                return absent(member.value).map { JSON.Member(key: member.key, value: $0) }
            }
            return .object(known + members.filter { shape[$0.key] == nil })
        case (.object(let members), .object):
            // Maps come in any order.
            return .object(members.sorted { $0.key < $1.key })
        case (.array(let elements), .array(let wanted)):
            guard let element = wanted.first else { return json }
            return .array(elements.map { complete($0, shape: element) })
        default:
            return json
        }
    }

    private static func absent(_ shape: JSON) -> JSON? {
        switch shape {
        case .object(let members): members.isEmpty ? .object([]) : nil
        case .array: .array([])
        default: shape
        }
    }
}
