// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials

/// JSON in and out. The only place that knows Foundation.
package enum JSONText {
    /// One line, keys in order, slashes as they are.
    package static func encode(_ value: some Encodable, pretty: Bool = false) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        do {
            return Array(try encoder.encode(value))
        } catch {
            // Encoding fails for floating point numbers that are none; no type here holds any.
            preconditionFailure("encode JSON: \(error)")
        }
    }

    /// Reads a value; the error names the property that is wrong.
    package static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(PlanError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw PlanError(describe(error))
        } catch {
            throw PlanError("\(error)")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(path(context.codingPath)): \(context.debugDescription)"
        case .keyNotFound(let key, let context):
            return "\(path(context.codingPath + [key])): required property is missing"
        case .dataCorrupted(let context):
            // Broken JSON has no path; a value that is out of its vocabulary has one.
            let text = context.underlyingError.map { "\(context.debugDescription) (\($0))" }
            return context.codingPath.isEmpty
                ? "not valid JSON: \(text ?? context.debugDescription)"
                : "\(path(context.codingPath)): \(context.debugDescription)"
        @unknown default: return "\(error)"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += (path.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }
}
