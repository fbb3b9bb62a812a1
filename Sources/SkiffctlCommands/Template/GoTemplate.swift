// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A template in the language of Go's package text/template, as crictl's `--template` takes it: actions, pipelines,
/// variables, `if`, `with`, `range`, `break`, `continue`, `define`, `template`, `block`, comments, trimming, and the
/// functions of `TemplateFunctions`. A member that is not there is an error. Numbers are numbers here, of which 0 is not
/// true; to crictl those of documents are text, which can be compared with text only, as it can here too.
struct GoTemplate: Sendable {
    private let nodes: [TemplateNode]
    private let definitions: [String: [TemplateNode]]

    init(_ text: String) throws(CommandError) {
        (nodes, definitions) = try TemplateParser.parse(text)
    }

    /// The text for a document.
    func text(_ document: JSON) throws(CommandError) -> String {
        var run = TemplateRun(definitions, root: document)
        try run.carryOut(nodes, dot: document)
        return run.text
    }
}
