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
}
