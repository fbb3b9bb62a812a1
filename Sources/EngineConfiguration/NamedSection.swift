// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import TOML

/// What stands in a section of its own with a name that the administrator gives it: `[runtime.handlers.crun]`.
protocol NamedSection: Sendable, Equatable {
    /// What all of the kind stand below.
    static var section: String { get }
    /// What one is, for the documentation.
    static var meaning: String { get }
    /// Its keys.
    static var settings: [Setting<Self>] { get }
    /// What the documentation shows as defaults.
    static var example: Self { get }

    init()
    /// What no single key can tell.
    func validate() throws(Complaint)
}

extension NamedSection {
    func validate() throws(Complaint) {}
}

/// All sections of one kind, wherever they are kept.
struct NamedSections: Sendable {
    /// Their place below `[runtime]`.
    let name: String
    let apply: @Sendable (inout DaemonConfig, TOMLNode, ConfigurationDocument) throws(ConfigurationError) -> Void
    /// Sections as they stand in a file; `lines` writes one key.
    let printed: @Sendable (DaemonConfig, _ comment: String) -> String
    let markdown: @Sendable () -> String
    /// Keys with other values in the second.
    let differences: @Sendable (DaemonConfig, DaemonConfig) -> [String]

    init<Value: NamedSection>(_ name: String, _ place: any WritableKeyPath<DaemonConfig, [String: Value]> & Sendable) {
        self.name = name
        apply = { (config, node, document) throws(ConfigurationError) in
            for (name, node) in try document.table(node, Value.section).sorted(by: { $0.key < $1.key }) {
                let key = "\(Value.section).\(name)"
                var value = config[keyPath: place][name] ?? Value()
                let keys = try document.table(node, key)
                do throws(Complaint) {
                    try Check.sectionName(name)
                } catch {
                    throw document.error(key, error.cause)
                }
                try document.apply(Value.settings, keys, to: &value, below: key)
                do throws(Complaint) {
                    try value.validate()
                } catch {
                    throw document.error(key, error.cause)
                }
                config[keyPath: place][name] = value
            }
        }
        printed = { config, comment in
            config[keyPath: place].sorted { $0.key < $1.key }.map { name, value in
                "\n[\(Value.section).\(name.toml)]\n"
                    + Value.settings.map { DaemonConfig.lines($0, value, comment) }.joined()
            }.joined()
        }
        markdown = {
            "\n## `[\(Value.section).NAME]`\n\n\(Value.meaning)\n\n" + DaemonConfig.tableHead
                + Value.settings.map { DaemonConfig.row($0, Value.example) }.joined()
        }
        differences = { one, other in
            let (ones, others) = (one[keyPath: place], other[keyPath: place])
            return Set(ones.keys).union(others.keys).sorted().flatMap { name -> [String] in
                let key = "\(Value.section).\(name)"
                guard let one = ones[name], let other = others[name] else { return [key] }
                return Value.settings.filter { $0.show(one) != $0.show(other) }.map { "\(key).\($0.name)" }
            }
        }
    }
}

extension DaemonConfig {
    /// In the order in which they are printed.
    static let namedSections = [
        NamedSections("handlers", \.runtime.handlers), NamedSections("workloads", \.runtime.workloads),
    ]
}
