// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import CRIAPI
import FoundationEssentials
import Linux
import SwiftProtobuf

/// Files that describe pods and containers, in JSON or YAML, with the interface's names (`log_directory`) or those of
/// its JSON form (`logDirectory`).
enum ConfigFile {
    static func pod(_ path: String) throws -> Runtime_V1_PodSandboxConfig {
        let config: Runtime_V1_PodSandboxConfig = try decode(read(path), from: path)
        guard !config.metadata.name.isEmpty else {
            throw CommandError("read pod config", path, "\"metadata.name\" is missing")
        }
        return config
    }

    static func container(_ path: String) throws -> Runtime_V1_ContainerConfig {
        let config: Runtime_V1_ContainerConfig = try decode(environmentAsBytes(read(path)), from: path)
        guard !config.metadata.name.isEmpty else {
            throw CommandError("read container config", path, "\"metadata.name\" is missing")
        }
        guard !config.image.image.isEmpty else {
            throw CommandError("read container config", path, "\"image.image\" is missing")
        }
        return config
    }

    /// Reads JSON, which begins with a brace, or YAML.
    static func read(_ path: String) throws -> JSON {
        let bytes = try SystemError.attempt("open", path) { () throws(Errno) in try Syscall.readFile(path) }
        return try parse(bytes, from: path)
    }

    static func parse(_ bytes: [UInt8], from path: String) throws(CommandError) -> JSON {
        do {
            if bytes.first(where: { ![32, 9, 10, 13].contains($0) }) == UInt8(ascii: "{") {
                return try JSONParser.parse(bytes)
            }
            return try YAML.parse(String(decoding: bytes, as: UTF8.self))
        } catch let error as CommandError {
            throw CommandError("read", path, error.cause)
        } catch {
            throw CommandError("read", path, "\(error)".split(whereSeparator: \.isNewline).joined(separator: " "))
        }
    }

    static func decode<Message: SwiftProtobuf.Message>(_ json: JSON, from path: String) throws(CommandError) -> Message
    {
        guard case .object = json else { throw CommandError("read", path, "not a mapping") }
        do {
            return try Message(jsonString: json.text())
        } catch JSONDecodingError.unknownField(let name) {
            throw CommandError("read", path, "unknown key \"\(name)\"")
        } catch let error as JSONDecodingError {
            throw CommandError("read", path, explain(error, in: json, as: Message.self))
        } catch {
            throw CommandError("read", path, "\(error)")
        }
    }

    /// The decoder does not say where it failed: the first member that does not decode alone is the one.
    private static func explain<Message: SwiftProtobuf.Message>(
        _ error: JSONDecodingError, in json: JSON, as type: Message.Type
    ) -> String {
        guard case .object(let members) = json else { return "\(error)" }
        let bad = members.first { (try? Message(jsonString: JSON.object([$0]).text())) == nil }
        return bad.map { "wrong value for key \"\($0.key)\" (\(error))" } ?? "\(error)"
    }

    /// Values of environment variables are bytes in the interface, but plain text in files.
    private static func environmentAsBytes(_ json: JSON) -> JSON {
        guard case .array(let variables)? = json["envs"] else { return json }
        var result = json
        result["envs"] = .array(
            variables.map { variable in
                guard case .string(let text)? = variable["value"] else { return variable }
                var encoded = variable
                encoded["value"] = .string(Data(text.utf8).base64EncodedString())
                return encoded
            })
        return result
    }
}
