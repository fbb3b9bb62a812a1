// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Columns of text, at least 20 wide and three spaces apart; the last one ends with its text.
struct Table {
    private static let narrowest = 20
    private static let gap = 3

    private var rows: [[String]]

    init(_ header: [String]) { rows = [header] }

    mutating func append(_ row: [String]) { rows.append(row) }

    var lines: [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.reduce(Self.narrowest) { width, row in
                max(width, (column < row.count ? row[column].count : 0) + Self.gap)
            }
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }.joined()
        }
    }

    func print() throws { for line in lines { try Console.print(line) } }
}
