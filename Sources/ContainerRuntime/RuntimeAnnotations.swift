// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// The annotations that change what this runtime does. They are crun's; see crun(1), "Extensions to OCI".
package struct RuntimeAnnotations: Hashable, Sendable {
    /// The process keeps the supplementary groups of the runtime's caller: `run.oci.keep_original_groups=1`.
    package var keepsGroups = false
    /// Unix socket that receives the pidfd of the container's process.
    package var pidfdReceiver: String?
    /// A name that the host does not know in a seccomp rule is an error: `run.oci.seccomp_fail_unknown_syscall=1`.
    package var failsOnUnknownCalls = false
    /// Unix socket of the one who decides on system calls, where the profile itself names none.
    package var seccompReceiver: String?
    /// A compiled filter, in base64, in the place of the section `linux.seccomp`.
    package var seccompProgram: [UInt64]?

    /// The names, for `features`.
    package static let names = [keepGroups, receiver, failUnknown, program, seccompListener]

    private static let keepGroups = "run.oci.keep_original_groups"
    private static let receiver = "run.oci.pidfd_receiver"
    private static let failUnknown = "run.oci.seccomp_fail_unknown_syscall"
    private static let program = "run.oci.seccomp_bpf_data"
    private static let seccompListener = "run.oci.seccomp.receiver"
    private static let seccompPlugins = "run.oci.seccomp.plugins"

    /// Nothing is changed.
    package init() {}

    /// Reads those that are there; the others belong to somebody else.
    package init(_ annotations: [String: String]) throws(PlanError) {
        keepsGroups = try Self.isOn(annotations, Self.keepGroups)
        failsOnUnknownCalls = try Self.isOn(annotations, Self.failUnknown)
        pidfdReceiver = try Self.path(annotations, Self.receiver)
        seccompReceiver = try Self.path(annotations, Self.seccompListener)
        // Libraries that would be loaded into the runtime, to decide in its name.
        guard annotations[Self.seccompPlugins] == nil else {
            throw .unsupported(
                "annotation \(Self.seccompPlugins) (the socket of a listener can be named in \(Self.seccompListener))")
        }
        if let text = annotations[Self.program] {
            guard let bytes = Base64.decode(text), !bytes.isEmpty, bytes.count.isMultiple(of: 8) else {
                throw PlanError("annotation \(Self.program): not a BPF program in base64")
            }
            seccompProgram = stride(from: 0, to: bytes.count, by: 8).map { start in
                (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
            }
        }
    }

    private static func path(_ annotations: [String: String], _ name: String) throws(PlanError) -> String? {
        guard let path = annotations[name] else { return nil }
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw PlanError("annotation \(name): \"\(path)\" must be an absolute path")
        }
        return path
    }

    private static func isOn(_ annotations: [String: String], _ name: String) throws(PlanError) -> Bool {
        switch annotations[name] {
        case nil, "0", "false": return false
        case "1", "true": return true
        case let value?: throw PlanError("annotation \(name): \"\(value)\" is neither 0 nor 1")
        }
    }
}

/// Base64 as of RFC 4648, with its padding.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// nil for a text that is not base64.
    static func decode(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 4) else { return nil }
        let padding = characters.suffix(2).filter { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        for (index, character) in characters.dropLast(padding).enumerated() {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            // Every character after the first of four completes a byte.
            let held = 6 * (index % 4 + 1) % 8
            if index % 4 > 0 { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held))) }
        }
        return bytes
    }
}
