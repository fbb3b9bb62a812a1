// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import FoundationEssentials
package import OCIRuntimeSpec

/// A seccomp profile whose rules may depend on the container's capabilities and on the architecture: the JSON format
/// that Docker, Podman and CRI-O share. A plain `linux.seccomp` of the OCI is one too, without conditions.
package struct SeccompProfile: Codable, Hashable, Sendable {
    /// What happens to a system call that no rule names.
    package var defaultAction: LinuxSeccompAction
    /// Error number of the default action.
    package var defaultErrnoRet: UInt32?
    /// Architectures, when the profile is for one machine only.
    package var architectures: [LinuxSeccompArch]?
    /// Native architectures, each with those that its processes may also use.
    package var archMap: [ArchitectureGroup]?
    /// Flags of seccomp(2).
    package var flags: [LinuxSeccompFlag]?
    /// The rules.
    package var syscalls: [Rule]?

    /// A native architecture and those that its kernel runs too.
    package struct ArchitectureGroup: Codable, Hashable, Sendable {
        var architecture: LinuxSeccompArch
        var subArchitectures: [LinuxSeccompArch]?
    }

    /// When a rule counts.
    package struct Condition: Codable, Hashable, Sendable {
        var caps: [String]?
        /// Go's names: `amd64`, `arm64`.
        var arches: [String]?
    }

    /// System calls and what happens to them, when the conditions hold.
    package struct Rule: Codable, Hashable, Sendable {
        var names: [String]?
        /// The old form for a single system call.
        var name: String?
        var action: LinuxSeccompAction
        var errnoRet: UInt32?
        var args: [LinuxSeccompArg]?
        var includes: Condition?
        var excludes: Condition?
    }

    /// Reads the profile file. Throws with the file's name when it is no profile.
    package init(parsing bytes: [UInt8], file: String) throws(ServiceError) {
        do {
            self = try JSONDecoder().decode(SeccompProfile.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw ServiceError(.invalid, "read seccomp profile", file, Self.sentence(error))
        } catch {
            throw ServiceError(.invalid, "read seccomp profile", file, "\(error)")
        }
    }

    init(
        defaultAction: LinuxSeccompAction, defaultErrnoRet: UInt32? = nil, archMap: [ArchitectureGroup]? = nil,
        syscalls: [Rule]? = nil
    ) {
        self.defaultAction = defaultAction
        self.defaultErrnoRet = defaultErrnoRet
        self.archMap = archMap
        self.syscalls = syscalls
    }

    /// The filter of one container: a rule counts when the container has all capabilities that it asks for and none
    /// that it excludes. `architecture` is Go's name of the machine's.
    package func resolve(capabilities: Set<String>, architecture: String) -> LinuxSeccomp {
        let rules = (syscalls ?? []).filter { rule in
            Self.holds(rule.includes, capabilities, architecture)
                && !Self.touches(rule.excludes, capabilities, architecture)
        }
        return LinuxSeccomp(
            defaultAction: defaultAction, defaultErrnoRet: defaultErrnoRet,
            architectures: architectures ?? group(architecture), flags: flags,
            syscalls: rules.map { rule in
                let args = rule.args ?? []
                return LinuxSyscall(
                    names: (rule.names ?? []) + (rule.name.map { [$0] } ?? []), action: rule.action,
                    errnoRet: rule.errnoRet, args: args.isEmpty ? nil : args)
            })
    }

    private func group(_ architecture: String) -> [LinuxSeccompArch]? {
        guard let native = Self.native[architecture] else { return nil }
        let others = archMap?.first { $0.architecture == native }?.subArchitectures ?? []
        return [native] + others
    }

    private static func holds(_ condition: Condition?, _ capabilities: Set<String>, _ architecture: String) -> Bool {
        guard let condition else { return true }
        if let arches = condition.arches, !arches.isEmpty, !arches.contains(architecture) { return false }
        return capabilities.isSuperset(of: condition.caps ?? [])
    }

    private static func touches(_ condition: Condition?, _ capabilities: Set<String>, _ architecture: String) -> Bool {
        guard let condition else { return false }
        if condition.arches?.contains(architecture) == true { return true }
        return !capabilities.isDisjoint(with: condition.caps ?? [])
    }

    private static func sentence(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "not valid JSON" : "bad value of \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\""
        @unknown default: "\(error)"
        }
    }

    private static let native: [String: LinuxSeccompArch] = [
        "amd64": .x86_64, "arm64": .aarch64, "386": .x86, "arm": .arm, "riscv64": .riscv64, "ppc64le": .ppc64le,
        "s390x": .s390x, "loong64": .loongarch64,
    ]
}
