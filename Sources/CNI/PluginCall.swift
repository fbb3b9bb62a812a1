// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// One run of a plugin's program. Section 2 of the CNI specification, "Execution protocol".
struct PluginCall: Sendable {
    /// What a plugin is asked for, as in `CNI_COMMAND`.
    enum Verb: String, Sendable {
        case add = "ADD"
        case del = "DEL"
        case check = "CHECK"
        case version = "VERSION"
        case status = "STATUS"
        case gc = "GC"
    }

    var verb: Verb
    /// The network, for messages.
    var network: String
    /// The plugin's type, for messages.
    var plugin: String
    /// The program's path.
    var program: String
    /// Variables besides `CNI_COMMAND`.
    var environment: [String]
    var input: JSONValue
    var timeout: Duration
    /// Held by the program too, where it works on an attachment.
    var lock: AttachmentLock?

    /// Runs the program to its end on a thread that may block, and returns what it said on its standard output.
    func run() async throws(CNIError) -> [UInt8] {
        let input: [UInt8]
        do {
            input = try self.input.bytes
        } catch {
            throw failure(.invalidConfiguration, "its configuration cannot be encoded: \(error)")
        }
        var plan = ChildPlan(program, [program], environment: ["CNI_COMMAND=\(verb.rawValue)"] + environment)
        if let file = lock?.file { plan.descriptors = [nil, nil, nil, file.rawValue] }
        let milliseconds = Int32(
            clamping: timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000)
        let output: CommandOutput
        do throws(Errno) {
            output = try await BlockingPool.run { [plan] () throws(Errno) in
                try CommandOutput.run(plan, input: input, limit: 1 << 22, timeoutMilliseconds: milliseconds)
            }
        } catch {
            throw failure(.pluginFailed(0), "cannot run \"\(program)\": \(error)")
        }
        if output.timedOut { throw failure(.timedOut, "did not end within \(milliseconds / 1000) s and was killed") }
        guard output.status == .exited(0) else { throw refusal(output) }
        return output.output
    }

    /// An error about this call.
    func failure(_ code: CNIError.Code, _ cause: String) -> CNIError {
        CNIError(code, "CNI \(verb.rawValue)", network, "plugin \"\(plugin)\": \(cause)")
    }

    /// What a plugin that failed has to say: its JSON error, or else the end of its standard error. Section 5, "Error".
    private func refusal(_ output: CommandOutput) -> CNIError {
        let said = Self.line(output.errorOutput)
        var error: CNIError
        // Not every failure comes with JSON: a plugin may have crashed.
        if let json = try? JSONValue(parsing: output.output), let message = json["msg"]?.string {
            var code: UInt = 0
            if case .integer(let number) = json["code"] { code = UInt(clamping: number) }
            let details = json["details"]?.string ?? ""
            let text = Self.line(Array((details.isEmpty ? message : "\(message); \(details)").utf8))
            error = failure(.pluginFailed(code), text)
        } else {
            let end =
                switch output.status {
                case .exited(let code): "exited with status \(code)"
                case .signaled(let number): "killed by \(Signal(rawValue: number))"
                }
            error = failure(.pluginFailed(0), said.isEmpty ? end : "\(end): \(said)")
        }
        error.errorOutput = said
        return error
    }

    /// The last kilobyte of a text as one line.
    private static func line(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.suffix(1024), as: UTF8.self).split { $0.isNewline }.joined(separator: " ")
    }
}
