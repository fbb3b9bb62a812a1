// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `spec`: a configuration to begin with, in the bundle.
enum SpecCommand {
    static func run(_ invocation: Invocation) throws -> Int32 {
        var arguments = invocation.arguments
        let table = OptionTable(values: ["bundle b", "config f"], flags: ["rootless"])
        let options = try ParsedArguments(&arguments, table, wordsUpTo: 0)
        try requireEnd(arguments)
        let path = try absolutePath(options["bundle"] ?? ".") + "/" + (options["config"] ?? "config.json")
        guard !Syscall.exists(path) else { throw RuntimeError("File \(path) exists. Remove it first") }
        let spec =
            options.has("rootless")
            ? SpecTemplate.rootless(uid: Syscall.effectiveUserID, gid: Syscall.effectiveGroupID) : SpecTemplate.standard
        let bytes = JSONText.encode(spec, pretty: true) + [10]
        try SystemError.attempt("write", path) { () throws(Errno) in try AtomicFile.write(path, bytes, mode: 0o644) }
        return 0
    }
}
