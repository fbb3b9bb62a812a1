// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// A piece of a template, as it is carried out.
indirect enum TemplateNode: Equatable, Sendable {
    case text(String)
    case value(Pipeline)
    /// Without an `else` the last list is empty.
    case condition(Pipeline, [TemplateNode], else: [TemplateNode])
    case with(Pipeline, [TemplateNode], else: [TemplateNode])
    case range(Pipeline, [TemplateNode], else: [TemplateNode])
    case leave(Leave)
    /// `template "name" pipeline`
    case call(String, Pipeline?)

    /// How the body of a range is left.
    enum Leave: Equatable, Sendable { case `break`, `continue` }

    /// Commands, of which each gets the result of the one before as its last argument.
    struct Pipeline: Equatable, Sendable {
        /// Variables that take the result, two only in a range.
        var variables: [String] = []
        /// Whether the variables are there already: `=` and not `:=`.
        var assigns = false
        var commands: [[Term]]
    }

    /// A word of a command. A function is called with the terms behind it.
    indirect enum Term: Equatable, Sendable {
        case dot
        case variable(String)
        case literal(JSON)
        case function(String)
        case pipeline(Pipeline)
        case field(Term, String)
    }
}
