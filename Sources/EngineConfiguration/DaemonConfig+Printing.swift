// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

extension DaemonConfig {
    /// A complete file in which every key stands with its meaning and its default, commented out: so that what is not
    /// set follows the defaults of the next version too.
    package static let defaultText = printed(comment: "#")

    /// The configuration in force, as a file that would give the same again.
    package var text: String { Self.printed(resolved(), comment: "") }

    /// The keys, their defaults and meanings as tables in Markdown: the body of `docs/configuration.md`.
    package static var markdown: String {
        let config = DaemonConfig().resolved()
        var text = ""
        for section in sections {
            text += section.name.isEmpty ? "## Top level\n\n" : "\n## `[\(section.name)]`\n\n"
            text += section.meaning + "\n\n" + tableHead
            for setting in section.settings { text += row(setting, config) }
        }
        for kind in namedSections { text += kind.markdown() }
        return text
    }

    static let tableHead = "| key | default | meaning |\n|---|---|---|\n"

    static func row<Target>(_ setting: Setting<Target>, _ target: Target) -> String {
        let value = setting.show(target).split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
        let meaning = setting.meaning.split(separator: "\n").joined(separator: " ")
        return "| `\(setting.name)` | `\(value)` | \(meaning) |\n"
    }

    private static func printed(_ config: DaemonConfig = DaemonConfig().resolved(), comment: String) -> String {
        var text = """
            # Configuration of skiffd and skiffimg. Drop-ins in the folder of the same name with ".d" behind it
            # (skiff.toml.d/*.toml) are read after it, in lexical order.

            """
        for section in sections {
            if !section.name.isEmpty { text += "\n[\(section.name)]\n" }
            for setting in section.settings { text += lines(setting, config, comment) }
        }
        for kind in namedSections { text += kind.printed(config, comment) }
        return text
    }

    static func lines<Target>(_ setting: Setting<Target>, _ target: Target, _ comment: String) -> String {
        let meaning = setting.meaning.split(separator: "\n").map { "# \($0)\n" }.joined()
        let assignment = "\(setting.name) = \(setting.show(target))".split(separator: "\n")
        return "\n" + meaning + assignment.map { "\(comment)\($0)\n" }.joined()
    }
}
