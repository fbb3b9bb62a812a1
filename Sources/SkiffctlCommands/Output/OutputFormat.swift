// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

/// How a command prints lists and answers.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case json, yaml, table

    /// Prints a document in one of the two forms that hold all of it.
    func print(_ document: JSON) throws {
        switch self {
        case .json, .table: try Console.print(document.text())
        case .yaml:
            var text = try YAML.text(document)
            if text.hasSuffix("\n") { text.removeLast() }
            try Console.print(text)
        }
    }
}
