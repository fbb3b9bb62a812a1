// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials

/// Largest manifest, index or configuration accepted, in bytes. Source: distribution-spec, "Pushing Manifests".
package let documentLimit = 4 << 20

/// Decodes one JSON document of at most `documentLimit` bytes; `subject` names it in errors.
func decodeDocument<Document: Decodable>(
    _ type: Document.Type, _ bytes: [UInt8], _ operation: String, _ subject: String
) throws(ImageSpecError) -> Document {
    guard bytes.count <= documentLimit else {
        throw ImageSpecError(.tooLarge, operation, subject, "\(bytes.count) bytes, the limit is \(documentLimit)")
    }
    do {
        return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
        throw ImageSpecError(.invalid, operation, subject, reason(error))
    }
}

/// A decoding error in a few words: the field and what is wrong with it.
private func reason(_ error: any Error) -> String {
    switch error {
    case let error as ImageSpecError: error.description
    case DecodingError.keyNotFound(let key, let context):
        "\(place(context.codingPath + [key])) is missing"
    case DecodingError.valueNotFound(_, let context):
        "\(place(context.codingPath)) is null"
    case DecodingError.typeMismatch(_, let context):
        "\(place(context.codingPath)) has the wrong type"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
        "\(place(context.codingPath)): \(context.debugDescription)"
    default: "not valid JSON"
    }
}

private func place(_ path: [any CodingKey]) -> String {
    path.reduce("") { text, key in
        if let index = key.intValue {
            "\(text)[\(index)]"
        } else {
            text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
        }
    }
}
