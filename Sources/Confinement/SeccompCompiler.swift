// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CSeccomp
internal import Linux
internal import OCIRuntimeSpec

/// Turns rules into a BPF program by means of libseccomp. Safe: the context is never handed out.
@safe struct SeccompCompiler: ~Copyable {
    private let spec: LinuxSeccomp
    /// Owned; released in deinit.
    private let context: scmp_filter_ctx
    /// libseccomp's numbers of the architectures in the filter, the native one first.
    private let architectures: [UInt32]

    /// What else than the rules decides the program: version of libseccomp and native architecture.
    static var version: String {
        let version = unsafe seccomp_version()
        let number = unsafe version.map { unsafe "\($0.pointee.major).\($0.pointee.minor).\($0.pointee.micro)" }
        return "\(number ?? "unknown") \(seccomp_arch_native())"
    }

    /// The program for the rules.
    static func compile(_ spec: LinuxSeccomp) throws(ConfinementError) -> [UInt64] {
        let architectures = try architectures(spec.architectures ?? [])
        guard let context = unsafe seccomp_init(code(spec.defaultAction, spec.defaultErrnoRet)) else {
            throw ConfinementError("seccomp: cannot use \(spec.defaultAction.rawValue) as default action")
        }
        let compiler = unsafe SeccompCompiler(spec: spec, context: context, architectures: architectures)
        try compiler.addArchitectures()
        for rule in spec.syscalls ?? [] { try compiler.add(rule) }
        return compiler.unknownCallStub() + (try compiler.export())
    }

    private init(spec: LinuxSeccomp, context: scmp_filter_ctx, architectures: [UInt32]) {
        self.spec = spec
        unsafe self.context = unsafe context
        self.architectures = architectures
    }

    deinit { unsafe seccomp_release(context) }

    // MARK: Architectures

    private static func architectures(_ given: [LinuxSeccompArch]) throws(ConfinementError) -> [UInt32] {
        var numbers = [seccomp_arch_native()]
        for architecture in given {
            // libseccomp's names are those of the specification in lower case without the prefix.
            let name = architecture.rawValue.dropFirst("SCMP_ARCH_".count).lowercased()
            let number = unsafe seccomp_arch_resolve_name(name)
            guard number != 0 else {
                throw ConfinementError("seccomp: unknown architecture \"\(architecture.rawValue)\"")
            }
            if !numbers.contains(number) { numbers.append(number) }
        }
        return numbers
    }

    private func addArchitectures() throws(ConfinementError) {
        // The first is the native one, which is there from the start.
        for number in architectures.dropFirst() {
            let result = unsafe seccomp_arch_add(context, number)
            guard result == 0 || result == -Errno.EEXIST.rawValue else {
                throw ConfinementError("seccomp: add architecture: \(Errno(rawValue: -result))")
            }
        }
    }

    // MARK: Rules

    private func add(_ rule: LinuxSyscall) throws(ConfinementError) {
        let code = Self.code(rule.action, rule.errnoRet)
        // libseccomp refuses a rule that says what happens anyway.
        if code == Self.code(spec.defaultAction, spec.defaultErrnoRet) { return }
        let conditions = try (rule.args ?? []).map { argument throws(ConfinementError) in try Self.condition(argument) }
        for name in rule.names {
            let number = unsafe seccomp_syscall_resolve_name(name)
            // A name that the host does not know (-1) cannot be called there either. Others below zero belong to
            // another architecture of the filter.
            if number == -1 { continue }
            // Conditions on one argument are alternatives: libseccomp takes one for each argument. As in runc, all
            // conditions become alternatives then.
            let repeated = Set(conditions.map(\.arg)).count < conditions.count
            for group in repeated ? conditions.map({ [$0] }) : [conditions] {
                let result = unsafe seccomp_rule_add_array(
                    context, code, number, UInt32(group.count), group)
                guard result == 0 else {
                    throw ConfinementError("seccomp: add rule for \"\(name)\": \(Errno(rawValue: -result))")
                }
            }
        }
    }

    /// Throws for the first name in the rules that libseccomp does not know.
    static func refuseUnknownCalls(_ spec: LinuxSeccomp) throws(ConfinementError) {
        for name in (spec.syscalls ?? []).flatMap(\.names)
        where unsafe seccomp_syscall_resolve_name(name) == -1 {
            throw ConfinementError("seccomp: unknown system call \"\(name)\"")
        }
    }

    private static func condition(_ argument: LinuxSeccompArg) throws(ConfinementError) -> scmp_arg_cmp {
        guard argument.index <= 5 else {
            throw ConfinementError("seccomp: system calls have no argument \(argument.index)")
        }
        let comparison: scmp_compare
        switch argument.op {
        case .notEqual: comparison = SCMP_CMP_NE
        case .less: comparison = SCMP_CMP_LT
        case .lessOrEqual: comparison = SCMP_CMP_LE
        case .equal: comparison = SCMP_CMP_EQ
        case .greaterOrEqual: comparison = SCMP_CMP_GE
        case .greater: comparison = SCMP_CMP_GT
        case .maskedEqual: comparison = SCMP_CMP_MASKED_EQ
        }
        return scmp_arg_cmp(
            arg: argument.index, op: comparison, datum_a: argument.value, datum_b: argument.valueTwo ?? 0)
    }

    /// The value that the filter returns to the kernel: action and 16 bits of data.
    private static func code(_ action: LinuxSeccompAction, _ errno: UInt32?) -> UInt32 {
        let data = (errno ?? UInt32(Errno.EPERM.rawValue)) & 0xFFFF
        switch action {
        case .kill, .killThread: return 0x0000_0000
        case .killProcess: return 0x8000_0000
        case .trap: return 0x0003_0000
        case .errno: return SeccompStub.errno | data
        case .trace: return 0x7FF0_0000 | data
        case .log: return 0x7FFC_0000
        case .allow: return 0x7FFF_0000
        case .notify: return 0x7FC0_0000
        }
    }

    // MARK: Result

    /// The compiled program. libseccomp writes it to a descriptor; a memory file takes any length.
    private func export() throws(ConfinementError) -> [UInt64] {
        do throws(Errno) {
            let file = try Syscall.memoryFile("seccomp")
            try Errno.check(unsafe seccomp_export_bpf(context, file.rawValue))
            let bytes = try Syscall.readFile(file.procPath)
            return stride(from: 0, to: bytes.count - 7, by: 8).map { start in
                (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
            }
        } catch {
            throw ConfinementError("compile seccomp filter: \(error)")
        }
    }

    /// The instructions that answer ENOSYS to system calls newer than all that the rules name.
    ///
    /// C libraries probe for new calls and fall back on ENOSYS only; the EPERM of a profile that is older than they are
    /// would break them. A profile that lets unknown calls pass, or says ENOSYS itself, needs nothing.
    private func unknownCallStub() -> [UInt64] {
        switch spec.defaultAction {
        case .allow, .log, .trace, .notify: return []
        case .kill, .killThread, .killProcess, .trap, .errno: break
        }
        if spec.defaultAction == .errno, spec.defaultErrnoRet == UInt32(Errno.ENOSYS.rawValue) { return [] }
        let names = Set((spec.syscalls ?? []).flatMap(\.names))
        let newest = architectures.compactMap { architecture -> SeccompStub.Newest? in
            let numbers = names.map { unsafe seccomp_syscall_resolve_name_arch(architecture, $0) }
            guard let highest = numbers.max(), highest >= 0 else { return nil }
            return SeccompStub.Newest(architecture: architecture, number: UInt32(highest))
        }
        return SeccompStub.program(newest)
    }
}
