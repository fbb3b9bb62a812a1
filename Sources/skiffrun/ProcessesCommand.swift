// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux

/// `ps`.
enum ProcessesCommand {
    static let command = Command(
        name: "ps", summary: "list the processes of a container", rest: "[PS OPTION]...", optionsEndAtLastWord: true,
        details: """
            Options behind ID are those of ps(1) on the host (default -ef); its output is reduced to the lines of the
            container's processes.
            """,
        options: OptionTable([
            .value("format f", "FORMAT", "table or json, an array of process IDs (default table)")
        ]), run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let format = try invocation.options.choice("format", ["table", "json"])
        let pids = try invocation.container().processes()
        if format == "json" {
            Skiffrun.print(String(decoding: JSONText.encode(pids), as: UTF8.self))
            return 0
        }
        Skiffrun.print(try table(pids, invocation.arguments))
        return 0
    }

    private static func table(_ pids: [Int32], _ options: [String]) throws -> String {
        let environment = HostEnvironment.current
        let path = environment.first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
        guard let program = ChildPlan.find("ps", path: path ?? "/usr/sbin:/usr/bin:/sbin:/bin") else {
            // A host without ps(1) has no options of it either.
            guard options.isEmpty else { throw RuntimeError("exec: \"ps\": executable file not found in $PATH") }
            return TextTable.text(["PID", "PPID", "STATE", "COMMAND"], pids.compactMap(row))
        }
        let plan = ChildPlan(program, ["ps"] + (options.isEmpty ? ["-ef"] : options), environment: environment)
        let result = try SystemError.attempt("execute", program) { () throws(Errno) in try CommandOutput.run(plan) }
        guard result.status.isSuccess else {
            let error = result.errorText.split(separator: "\n").first.map { ": \($0)" } ?? ""
            throw RuntimeError("\(plan.arguments.joined(separator: " ")): \(result.status)\(error)")
        }
        return try reduce(result.outputText, to: pids)
    }

    /// Keeps the header and the lines whose column PID holds one of the numbers.
    static func reduce(_ output: String, to pids: [Int32]) throws -> String {
        let lines = output.split(separator: "\n")
        guard let header = lines.first, let column = header.split(separator: " ").firstIndex(of: "PID") else {
            throw RuntimeError("couldn't find PID field in ps output")
        }
        let kept = lines.dropFirst().filter { line in
            let fields = line.split(separator: " ")
            guard fields.indices.contains(column), let pid = Int32(fields[column]) else { return false }
            return pids.contains(pid)
        }
        return ([header] + kept).joined(separator: "\n")
    }

    /// nil for a process that has ended meanwhile.
    private static func row(_ pid: Int32) -> [String]? {
        guard let stat = try? ProcStat(pid) else { return nil }
        let words = (try? Syscall.readText("/proc/\(pid)/cmdline"))?.split(separator: "\0").joined(separator: " ")
        let command = words.flatMap { $0.isEmpty ? nil : $0 } ?? "[\(stat.name)]"
        return ["\(pid)", "\(stat.parent)", "\(stat.state)", command]
    }
}
