// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

import ArgumentParser

/// Options of the commands that print the whole of one or more things.
struct DocumentOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json, yaml, table
        case goTemplate = "go-template"
    }

    @Option(name: .shortAndLong, help: "Form of the output: json, yaml, table or go-template.")
    var output = Format.json
    @Option(
        help: "With go-template: the template, in the language of Go's package text/template.",
        transform: { try GoTemplate($0) })
    var template: GoTemplate?

    func validate() throws {
        guard (output == .goTemplate) == (template != nil) else {
            throw ValidationError("--output go-template and --template need each other.")
        }
    }

    /// Prints what was found; as a list when more than one thing was asked for, as crictl does.
    func print(_ documents: [JSON], isList: Bool = false) throws {
        guard !documents.isEmpty, let first = documents.first else { return }
        let document = isList ? JSON.array(documents) : first
        if let template { return try Console.print(try template.text(document)) }
        try (output == .yaml ? OutputFormat.yaml : .json).print(document)
    }
}
