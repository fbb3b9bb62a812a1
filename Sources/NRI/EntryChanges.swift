// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import NRIAPI
internal import SwiftProtobuf

/// What is told apart by a key, before which a "-" means that it shall be taken away.
protocol KeyedEntry {
    var key: String { get set }
    init()
}

/// What is set and what is taken away of one field.
struct EntryChanges<Item: KeyedEntry> {
    private(set) var removed: Set<String> = []
    private(set) var set: [Item] = []

    init(_ wanted: [Item]) {
        for item in wanted {
            if item.key.utf8.first == UInt8(ascii: "-") {
                removed.insert(String(item.key.dropFirst()))
            } else {
                set.append(item)
            }
        }
    }

    var isEmpty: Bool { removed.isEmpty && set.isEmpty }

    private var taken: Set<String> { removed.union(set.map(\.key)) }

    /// The changes of an earlier plugin with these on top. What is set anew replaces what is there, and need not be taken
    /// away.
    func merged(into earlier: [Item]) -> [Item] {
        let taken = taken
        let kept = earlier.filter { item in
            !taken.contains(item.key) && !(item.key.hasPrefix("-") && taken.contains(String(item.key.dropFirst())))
        }
        let marks = removed.subtracting(set.map(\.key)).sorted().map { key in
            var mark = Item()
            mark.key = "-" + key
            return mark
        }
        return kept + marks + set
    }

    /// What is there, after the changes.
    func applied(to present: [Item]) -> [Item] {
        let taken = taken
        return present.filter { !taken.contains($0.key) } + set
    }
}

extension EntryChanges<NRIKeyValue> {
    init(_ wanted: [String: String]) { self.init(wanted.entries) }
}

extension NRIKeyValue: KeyedEntry {}

extension NRIMount: KeyedEntry {
    var key: String {
        get { destination }
        set { destination = newValue }
    }
}

extension NRIPOSIXRlimit: KeyedEntry {
    var key: String {
        get { type }
        set { type = newValue }
    }
}

extension NRICDIDevice: KeyedEntry {
    var key: String {
        get { name }
        set { name = newValue }
    }
}

extension NRILinuxDevice: KeyedEntry {
    var key: String {
        get { path }
        set { path = newValue }
    }
}

extension NRILinuxNamespace: KeyedEntry {
    var key: String {
        get { type }
        set { type = newValue }
    }
}

extension [String: String] {
    /// By key.
    var entries: [NRIKeyValue] {
        get { sorted { $0.key < $1.key }.map { pair in .with { ($0.key, $0.value) = (pair.key, pair.value) } } }
        set { self = Dictionary(newValue.map { ($0.key, $0.value) }) { $1 } }
    }
}

extension [String: NRILinuxNetDevice] {
    /// By the name on the host, with the name in the container.
    var entries: [NRIKeyValue] {
        get { mapValues(\.name).entries }
        set {
            self = Dictionary(newValue.map { pair in (pair.key, .with { $0.name = pair.value }) }) { $1 }
        }
    }
}

extension NRIContainer {
    /// `env`, taken apart.
    var variables: [NRIKeyValue] {
        get {
            env.map { text in
                .with {
                    $0.key = String(text.prefix { $0 != "=" })
                    $0.value = String(text.dropFirst($0.key.count + 1))
                }
            }
        }
        set { env = newValue.map { "\($0.key)=\($0.value)" } }
    }
}
