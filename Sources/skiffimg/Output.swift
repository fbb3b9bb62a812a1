// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
internal import Linux
internal import OCIImageSpec

/// What the program writes.
enum Output {
    /// A line on standard output.
    static func line(_ text: String) { write(1, text + "\n") }

    /// A line on standard error.
    static func error(_ text: String) { write(2, text + "\n") }

    /// Text on standard error, for a terminal.
    static func terminal(_ text: String) { write(2, text) }

    /// Bytes on standard output, just as they are.
    static func bytes(_ bytes: [UInt8]) {
        // Nobody is left to tell when standard output is gone.
        try? Syscall.writeAll(1, bytes)
    }

    /// A value as JSON for people to read.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Rows under a heading, in columns as wide as their widest text. What a terminal would take for a command is escaped:
    /// some of it comes from images.
    static func table(_ rows: [[String]]) {
        let rows = rows.map { $0.map(shown) }
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = zip(row, widths).map { text, width in text + String(repeating: " ", count: width - text.count) }
            line(String(cells.joined(separator: "   ").reversed().drop { $0 == " " }.reversed()))
        }
    }

    private static func shown(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") {
            $0 += QuotedText.moves($1) ? $1.escaped(asASCII: true) : String($1)
        }
    }

    /// `12.3 MB`, as everybody counts them who sells disks.
    static func size(_ bytes: some BinaryInteger) -> String {
        var value = Double(bytes)
        var unit = 0
        let units = ["B", "kB", "MB", "GB", "TB", "PB"]
        while value >= 1000, unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        return unit == 0 || tenths >= 1000
            ? "\((tenths + 5) / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// `1 layer`, `2 layers`.
    static func count(_ number: some BinaryInteger, _ what: String) -> String {
        "\(number) \(what)\(number == 1 ? "" : "s")"
    }

    private static func write(_ descriptor: Int32, _ text: String) {
        // Nobody is left to tell when standard output is gone.
        try? Syscall.writeAll(descriptor, Array(text.utf8))
    }
}
