// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import TOML

/// A type that a setting can have: read from TOML and written as TOML.
protocol SettingValue: Sendable, Equatable {
    /// The value of `node`, or the complaint that it is of another kind.
    init(node: TOMLNode) throws(Complaint)
    /// The value as it stands behind the equals sign.
    var toml: String { get }
}

extension String: SettingValue {
    init(node: TOMLNode) throws(Complaint) {
        guard case .string(let text) = node else { throw Complaint("expected a string, found \(node.kind)") }
        self = text
    }

    var toml: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}

/// A value that is written as a string, and may stand in a list.
protocol ListedValue {}
extension String: ListedValue {}
extension TLSCipherSuite: ListedValue {}

extension Int: SettingValue {
    init(node: TOMLNode) throws(Complaint) {
        guard case .integer(let number) = node else { throw Complaint("expected an integer, found \(node.kind)") }
        self = number
    }

    var toml: String { "\(self)" }
}

extension Bool: SettingValue {
    init(node: TOMLNode) throws(Complaint) {
        guard case .boolean(let value) = node else { throw Complaint("expected true or false, found \(node.kind)") }
        self = value
    }

    var toml: String { "\(self)" }
}

extension Array: SettingValue where Element: SettingValue & ListedValue {
    init(node: TOMLNode) throws(Complaint) {
        guard case .array(let nodes) = node else {
            throw Complaint("expected an array of strings, found \(node.kind)")
        }
        self = try nodes.map { (node) throws(Complaint) -> Element in
            guard case .string = node else {
                throw Complaint("expected an array of strings, found \(node.kind) in it")
            }
            return try Element(node: node)
        }
    }

    var toml: String {
        let line = "[" + map(\.toml).joined(separator: ", ") + "]"
        if line.utf8.count <= 90 { return line }
        return "[\n" + map { "    \($0.toml),\n" }.joined() + "]"
    }
}

/// One word of a few.
extension SettingValue where Self: RawRepresentable<String>, Self: CaseIterable {
    init(node: TOMLNode) throws(Complaint) {
        let text = try String(node: node)
        guard let value = Self(rawValue: text) else {
            let names = Self.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw Complaint("\"\(text)\" is none of \(names)")
        }
        self = value
    }

    var toml: String { rawValue.toml }
}

extension DaemonConfig.LogLevel: SettingValue {}
extension DaemonConfig.CgroupDriver: SettingValue {}
extension DaemonConfig.TLSVersion: SettingValue {}
extension DaemonConfig.ImageVolumes: SettingValue {}
extension TLSCipherSuite: SettingValue {}
extension DaemonConfig.CheckpointLevel: SettingValue {}

/// Times are written as a whole number and its unit: "500ms", "90s", "5m", "4h".
extension Duration: SettingValue {
    init(node: TOMLNode) throws(Complaint) {
        let text = try String(node: node)
        let number = text.prefix { $0.isASCII && $0.isNumber }
        guard let value = Int64(number), value < 1 << 32 else {
            throw Complaint("\"\(text)\" is not a time such as \"500ms\", \"90s\", \"5m\" or \"4h\"")
        }
        switch text.dropFirst(number.count) {
        case "ms": self = .milliseconds(value)
        case "s": self = .seconds(value)
        case "m": self = .seconds(value * 60)
        case "h": self = .seconds(value * 3600)
        default: throw Complaint("\"\(text)\" is not a time such as \"500ms\", \"90s\", \"5m\" or \"4h\"")
        }
    }

    var toml: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        for (unit, factor) in [("h", Int64(3_600_000)), ("m", 60_000), ("s", 1000)]
        where milliseconds >= factor && milliseconds % factor == 0 {
            return "\(milliseconds / factor)\(unit)".toml
        }
        return "\(milliseconds)ms".toml
    }
}
