// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// The hooks of a machine: files in folders, of which a later one replaces a file of the same name in an earlier one.
/// Read anew for every container. Blocks the calling thread.
enum HookFolders {
    /// In the order of the files' names. A file that cannot be read is an error: what it would have enforced must not be
    /// left out silently.
    static func read(_ folders: [String]) throws -> [HookDefinition] {
        var files: [String: String] = [:]
        for folder in folders {
            // A folder that is not there holds no hooks.
            for name in (try? Syscall.entries(folder)) ?? [] where name.hasSuffix(".json") && !name.hasPrefix(".") {
                files[name] = "\(folder)/\(name)"
            }
        }
        return try files.sorted { $0.key < $1.key }.map { try read($0.value) }
    }

    private static func read(_ file: String) throws -> HookDefinition {
        let bytes = try SystemError.attempt("read hook", file) { () throws(Errno) in try Syscall.readFile(file) }
        guard let definition = JSON.decode(HookDefinition.self, bytes) else {
            throw ServiceError(.invalid, "read hook", file, "not a hook of version 1.0.0")
        }
        guard definition.version == "1.0.0" else {
            throw ServiceError(.invalid, "read hook", file, "version \"\(definition.version)\" is not supported")
        }
        guard definition.hook.path.hasPrefix("/") else {
            throw ServiceError(.invalid, "read hook", file, "\"\(definition.hook.path)\" is not an absolute path")
        }
        return definition
    }
}
