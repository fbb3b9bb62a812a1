// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import Yams

/// The devices that the files in the CDI folders describe. Read anew for every container that asks for one: a vendor's
/// tool may write them at any time. Blocks the calling thread.
struct CDIRegistry {
    private struct Entry {
        var file: String
        var spec: CDISpec
        /// The folder's place in the configuration: a later one goes before an earlier.
        var priority: Int
    }

    private let entries: [Entry]
    /// Files that cannot be read, with the reason.
    private let problems: [String]

    init(folders: [String]) {
        var (entries, problems) = ([Entry](), [String]())
        for (priority, folder) in folders.enumerated() {
            // A folder that is not there holds no devices.
            for name in ((try? Syscall.entries(folder)) ?? []).sorted()
            where [".json", ".yaml", ".yml"].contains(where: { name.hasSuffix($0) }) && !name.hasPrefix(".") {
                let file = "\(folder)/\(name)"
                do {
                    entries.append(Entry(file: file, spec: try Self.read(file), priority: priority))
                } catch {
                    problems.append("\(error)")
                }
            }
        }
        self.entries = entries
        self.problems = problems
    }

    private static func read(_ file: String) throws -> CDISpec {
        let text = try SystemError.attempt("read CDI file", file) { () throws(Errno) in try Syscall.readText(file) }
        do {
            // JSON is YAML too.
            return try YAMLDecoder().decode(CDISpec.self, from: text)
        } catch {
            let cause = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
            throw ServiceError(.invalid, "read CDI file", file, cause)
        }
    }

    /// The edits of devices by their full names, `vendor.com/class=name`, each file's common ones once and first.
    func edits(_ names: [String]) throws(ServiceError) -> [CDIEdits] {
        var (files, edits) = (Set<String>(), [CDIEdits]())
        var seen: Set<String> = []
        for name in names where seen.insert(name).inserted {
            let (entry, device) = try find(name)
            if let common = entry.spec.containerEdits, files.insert(entry.file).inserted { edits.append(common) }
            if let own = device.containerEdits { edits.append(own) }
        }
        return edits
    }

    private func find(_ name: String) throws(ServiceError) -> (Entry, CDISpec.Device) {
        let parts = name.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[0].contains("/"), !parts[1].isEmpty else {
            throw ServiceError(.invalid, "use CDI device", name, "not a name of the form vendor/class=device")
        }
        let found = entries.filter { $0.spec.kind == parts[0] }.compactMap { entry in
            entry.spec.devices?.first { $0.name == parts[1] }.map { (entry, $0) }
        }
        let highest = found.filter { $0.0.priority == found.map(\.0.priority).max() }
        guard let first = highest.first else {
            let reasons = problems.map { "; \($0)" }.joined()
            throw ServiceError(.invalid, "use CDI device", name, "no CDI file describes it\(reasons)")
        }
        guard highest.count == 1 else {
            let files = highest.map { "\"\($0.0.file)\"" }.joined(separator: " and ")
            throw ServiceError(.invalid, "use CDI device", name, "\(files) both describe it")
        }
        return first
    }
}
