// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import Linux
internal import OCIRuntimeSpec

/// `state`, `list` and `ps`.
enum StateCommands {
    static func state(_ invocation: Invocation) throws -> Int32 {
        var arguments = invocation.arguments
        let options = try ParsedArguments(&arguments, OptionTable(), wordsUpTo: 1)
        try requireEnd(arguments)
        let state = try container(options.words, invocation).state()
        Skiffrun.print(String(decoding: JSONText.encode(state, pretty: true), as: UTF8.self))
        return 0
    }

    static func list(_ invocation: Invocation) throws -> Int32 {
        var arguments = invocation.arguments
        let known = OptionTable(values: ["format f"], flags: ["quiet q"])
        let options = try ParsedArguments(&arguments, known, wordsUpTo: 0)
        try requireEnd(arguments)
        let states = try states(invocation)
        if options.has("quiet") {
            for state in states { Skiffrun.print(state.id) }
            return 0
        }
        switch options["format"] ?? "table" {
        case "json": Skiffrun.print(String(decoding: JSONText.encode(states), as: UTF8.self))
        case "table": Skiffrun.print(table(of: states))
        case let format: throw UsageError("invalid format option \"\(format)\"")
        }
        return 0
    }

    /// A container that goes away meanwhile is left out; one whose state cannot be read is told.
    private static func states(_ invocation: Invocation) throws -> [State] {
        var states: [State] = []
        for id in try invocation.store.list() {
            do {
                states.append(try Container(id, in: invocation.store).state())
            } catch let error as RuntimeError where error == .doesNotExist {
            } catch {
                invocation.log.write(.warning, "\(id): \(error)")
            }
        }
        return states
    }

    private static func table(of states: [State]) -> String {
        let rows = states.map {
            [$0.id, "\($0.pid ?? 0)", $0.status.rawValue, $0.bundle, $0.created ?? "", $0.owner ?? ""]
        }
        return TextTable.text(["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], rows)
    }

    static func ps(_ invocation: Invocation) throws -> Int32 {
        var arguments = invocation.arguments
        let options = try ParsedArguments(&arguments, OptionTable(values: ["format f"]), wordsUpTo: 1)
        try requireEnd(arguments)
        let pids = try container(options.words, invocation).processes()
        switch options["format"] ?? "table" {
        case "json": Skiffrun.print(String(decoding: JSONText.encode(pids), as: UTF8.self))
        case "table": Skiffrun.print(TextTable.text(["PID", "PPID", "STATE", "COMMAND"], pids.compactMap(row)))
        case let format: throw UsageError("invalid format option \"\(format)\"")
        }
        return 0
    }

    /// nil for a process that has ended meanwhile.
    private static func row(_ pid: Int32) -> [String]? {
        guard let stat = try? ProcStat(pid) else { return nil }
        let words = (try? Syscall.readText("/proc/\(pid)/cmdline"))?.split(separator: "\0").joined(separator: " ")
        let command = words.flatMap { $0.isEmpty ? nil : $0 } ?? "[\(stat.name)]"
        return ["\(pid)", "\(stat.parent)", "\(stat.state)", command]
    }
}

/// Columns as wide as their widest field, three spaces between.
enum TextTable {
    static func text(_ header: [String], _ rows: [[String]]) -> String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            zip(row.dropLast(), widths).map { $0 + String(repeating: " ", count: $1 - $0.count + 3) }.joined()
                + (row.last ?? "")
        }.joined(separator: "\n")
    }
}
