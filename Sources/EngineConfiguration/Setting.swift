// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import TOML

/// One key of the configuration file: its name, its place in `Target`, its meaning, its check.
///
/// Reading, the default file and the documentation all go by these rows; nothing else knows a key's name.
struct Setting<Target: Sendable>: Sendable {
    /// The key below its section.
    let name: String
    /// What it means, in lines of text without a comment sign.
    let meaning: String
    /// Reads `node` into the target.
    let read: @Sendable (inout Target, TOMLNode) throws(Complaint) -> Void
    /// The value in `target` as TOML.
    let show: @Sendable (Target) -> String

    init<Value: SettingValue>(
        _ name: String, _ place: any WritableKeyPath<Target, Value> & Sendable, _ meaning: String,
        check: @escaping @Sendable (Value) throws(Complaint) -> Value = { (value) throws(Complaint) in value }
    ) {
        self.name = name
        self.meaning = meaning
        read = { (target: inout Target, node: TOMLNode) throws(Complaint) in
            target[keyPath: place] = try check(Value(node: node))
        }
        show = { $0[keyPath: place].toml }
    }
}

/// A `[section]` of the file.
struct Section: Sendable {
    /// Its name; "" for the keys before the first header.
    let name: String
    /// What it is about.
    let meaning: String
    /// Its keys.
    let settings: [Setting<DaemonConfig>]
}
