// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux
internal import OCIRuntimeSpec

/// Runs the hooks of one kind, one after the other, in the caller's namespaces.
enum HookRunner {
    enum Kind: String {
        case prestart, createRuntime, createContainer, startContainer, poststart, poststop
    }

    /// Each hook reads the state on standard input. The first failure ends the row. A hook that exits without reading
    /// is fine: the caller ignores SIGPIPE.
    static func run(
        _ hooks: [Hook]?, _ kind: Kind, _ state: @autoclosure () -> State, directory: String? = nil
    ) throws(RuntimeError) {
        guard let hooks, !hooks.isEmpty else { return }
        let input = JSONText.encode(state())
        for (index, hook) in hooks.enumerated() {
            if let failure = failure(of: hook, input, directory) {
                throw RuntimeError("error running \(kind.rawValue) hook #\(index): \(failure)")
            }
        }
    }

    /// Runs them all, whatever becomes of each, and returns the failures: runtime-spec "poststop" wants them to be logged.
    static func runAll(_ hooks: [Hook]?, _ kind: Kind, _ state: @autoclosure () -> State) -> [RuntimeError] {
        guard let hooks, !hooks.isEmpty else { return [] }
        let input = JSONText.encode(state())
        return hooks.enumerated().compactMap { index, hook in
            failure(of: hook, input, nil).map { RuntimeError("error running \(kind.rawValue) hook #\(index): \($0)") }
        }
    }

    private static func failure(of hook: Hook, _ input: [UInt8], _ directory: String?) -> String? {
        let arguments = hook.args ?? []
        var plan = ChildPlan(
            hook.path, arguments.isEmpty ? [hook.path] : arguments, environment: hook.env ?? [],
            workingDirectory: directory)
        plan.parentDeathSignal = .kill
        // The longest time that can be waited for is 24 days, which is as good as none.
        let milliseconds = hook.timeout.map { $0 > 2_000_000 ? -1 : Int32($0 * 1000) } ?? -1
        do throws(Errno) {
            let result = try CommandOutput.run(plan, input: input, limit: 4096, timeoutMilliseconds: milliseconds)
            if result.timedOut { return "hook ran past specified timeout of \(hook.timeout ?? 0)s" }
            let ending =
                switch result.status {
                case .exited(0): nil as String?
                case .exited(let code): "exit status \(code)"
                case .signaled(let signal): "signal: \(Signal(rawValue: signal))"
                }
            return ending.map { "\($0), stdout: \(result.outputText), stderr: \(result.errorText)" }
        } catch {
            return "\(SystemError("exec", hook.path, error))"
        }
    }
}
