// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Numbers in the text format of Prometheus, version 0.0.4: a family is two lines of comment and a line for each number.
struct Exposition {
    enum Kind: String { case counter, gauge, histogram, summary }

    static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    /// One number: `name{label="value"} 1`.
    struct Sample {
        var suffix = ""
        var labels: [(name: String, value: String)] = []
        var value: String

        init(_ value: UInt64, _ labels: (name: String, value: String)...) {
            self.value = "\(value)"
            self.labels = labels
        }

        init(suffix: String, _ value: UInt64, _ labels: (name: String, value: String)...) {
            self.suffix = suffix
            self.value = "\(value)"
            self.labels = labels
        }

        init(suffix: String = "", seconds nanoseconds: UInt64, _ labels: (name: String, value: String)...) {
            self.suffix = suffix
            value = "\(Double(nanoseconds) / 1e9)"
            self.labels = labels
        }
    }

    /// What every name begins with.
    let prefix: String
    private(set) var text = ""

    init(prefix: String) { self.prefix = prefix }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        let name = "\(prefix)_\(name)"
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
            text += "\(name)\(sample.suffix)\(labels.isEmpty ? "" : "{\(labels)}") \(sample.value)\n"
        }
    }

    private static func escaped(_ value: String) -> String {
        // A `Character` may be more than one of these: "\r\n" is.
        value.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(scalar)
            }
        }.joined()
    }
}
