// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// Compiled filters in a directory that only root can write. Compiling the profile of a whole node takes longer than
/// everything else in the creation of a container, and all containers of a node have the same few profiles.
///
/// One file for each profile: the profile as text (`key`), a zero byte, the instructions of the program as eight bytes
/// each, little-endian. The name is a hash of the text; as the whole text is compared, a collision does no harm.
struct SeccompCache {
    var directory: String
    /// A node has few profiles. Where somebody makes a new one each time, they are not kept for ever.
    private static let capacity = 64

    /// The program of the profile, or nil when it is not there or cannot be kept.
    func program(_ spec: LinuxSeccomp) -> [UInt64]? {
        // Whatever is wrong with a cache, the answer is to compile.
        guard isOwn, let key = Self.key(spec), let bytes = try? Syscall.readFile(path(key), limit: 1 << 20) else {
            return nil
        }
        guard bytes.count > key.count, bytes.starts(with: key), bytes[key.count] == 0 else { return nil }
        let start = key.count + 1
        guard start < bytes.count, (bytes.count - start).isMultiple(of: 8) else { return nil }
        return unsafe bytes.withUnsafeBytes { bytes in
            stride(from: start, to: bytes.count, by: 8).map { offset in
                unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
        }
    }

    /// Keeps a program for the next time. A cache that cannot be written is no reason to fail.
    func keep(_ program: [UInt64], for spec: LinuxSeccomp) {
        guard let key = Self.key(spec), (try? Syscall.entries(directory))?.count ?? 0 < Self.capacity else { return }
        let code = program.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
        try? Syscall.makeDirectories(directory, mode: 0o700)
        if isOwn { try? AtomicFile.write(path(key), key + [0] + code, mode: 0o600) }
    }

    /// Whether nobody but this user, and root, can have written here.
    private var isOwn: Bool {
        guard let status = try? Syscall.linkStatus(directory), status.isDirectory else { return false }
        return status.uid == Syscall.effectiveUserID && status.mode & 0o022 == 0
    }

    /// 64 bits of FNV-1a.
    private func path(_ key: [UInt8]) -> String {
        let hash = key.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "\(directory)/\(String(hash, radix: 16))"
    }

    /// All that the program depends on, with one reading only; nil for names that could be taken for something else.
    static func key(_ spec: LinuxSeccomp) -> [UInt8]? {
        var text = "seccomp 1 \(SeccompCompiler.version)\n"
        text += "\(spec.defaultAction.rawValue) \(number(spec.defaultErrnoRet))"
        for architecture in spec.architectures ?? [] { text += " \(architecture.rawValue)" }
        for rule in spec.syscalls ?? [] {
            text += "\n\(rule.action.rawValue) \(number(rule.errnoRet))"
            for argument in rule.args ?? [] {
                text += " \(argument.index),\(argument.op.rawValue),\(argument.value),\(argument.valueTwo ?? 0)"
            }
            text += ":"
            for name in rule.names {
                guard name.utf8.allSatisfy(isPlain) else { return nil }
                text += " "
                text += name
            }
        }
        return Array(text.utf8)
    }

    private static func number(_ value: UInt32?) -> String { value.map { "\($0)" } ?? "-" }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }
}
