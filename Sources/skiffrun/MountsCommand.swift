// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// `mounts`.
enum MountsCommand {
    static let command = Command(
        name: "mounts", summary: "add mounts to a running container or remove them",
        words: ["add|remove", "ID", "FILE"],
        details: """
            FILE holds a JSON array of mounts as in config.json. With remove, only their destinations count.
            """,
        startsProcess: true, run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let change: MountChange
        switch invocation.words[0] {
        case "add": change = .add
        case "remove": change = .remove
        case let other: throw UsageError("\"skiffrun mounts\" takes add or remove, not \"\(other)\"")
        }
        try Container(invocation.words[1], in: invocation.store).changeMounts(change, invocation.words[2])
        return 0
    }
}
