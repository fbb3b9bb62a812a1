// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `spec`: a configuration to begin with, in the bundle.
enum SpecCommand {
    static let command = Command(
        name: "spec", summary: "write a configuration to begin with", words: [],
        options: OptionTable([
            .value("bundle b", "DIR", "where to write it (default the working directory)"),
            .value("config f", "FILE", "its name (default config.json)"),
            .flag("rootless", "one for a container of the calling user"),
        ]), run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let options = invocation.options
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
