// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// Which annotations of pods and containers count.
enum AnnotationRules {
    /// Whether a rule is the name, or with a dot or slash at its end the beginning of it.
    static func allow(_ name: String, _ rules: [String]) -> Bool {
        rules.contains { rule in
            rule.hasSuffix(".") || rule.hasSuffix("/") ? name.hasPrefix(rule) : name == rule
        }
    }

    /// The first of the names that is among the annotations and allowed, with its value.
    static func find(
        _ names: [String], in annotations: [String: String], _ rules: [String]
    ) -> (name: String, value: String)? {
        for name in names where allow(name, rules) {
            if let value = annotations[name] { return (name, value) }
        }
        return nil
    }
}
