// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Names and values of one thing, one in a line.
struct Details {
    private(set) var lines: [String] = []

    mutating func add(_ name: String, _ value: String) {
        if !value.isEmpty { lines.append("\(name): \(value)") }
    }

    /// The members of a map stand indented below its name.
    mutating func add(_ name: String, _ map: [String: String]) {
        guard !map.isEmpty else { return }
        lines.append("\(name):")
        lines += map.sorted { $0.key < $1.key }.map { "\t\($0.key) -> \($0.value)" }
    }

    /// Prints the lines and an empty one behind them.
    func print() throws {
        for line in lines { try Console.print(line) }
        try Console.print("")
    }
}
