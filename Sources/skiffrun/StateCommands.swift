// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime
internal import OCIRuntimeSpec

/// `state` and `list`.
enum StateCommands {
    static let state = Command(
        name: "state", summary: "print the state of a container as JSON",
        run: { invocation in
            let state = try invocation.container().state()
            Skiffrun.print(String(decoding: JSONText.encode(state, pretty: true), as: UTF8.self))
            return 0
        })

    static let list = Command(
        name: "list", summary: "list containers", words: [],
        options: OptionTable([
            .value("format f", "FORMAT", "table or json (default table)"),
            .flag("quiet q", "print the IDs only"),
        ]), run: runList)

    private static func runList(_ invocation: Invocation) throws -> Int32 {
        let format = try invocation.options.choice("format", ["table", "json"])
        let states = try states(invocation)
        if invocation.options.has("quiet") {
            for state in states { Skiffrun.print(state.id) }
        } else if format == "json" {
            Skiffrun.print(String(decoding: JSONText.encode(states), as: UTF8.self))
        } else {
            Skiffrun.print(table(of: states))
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
