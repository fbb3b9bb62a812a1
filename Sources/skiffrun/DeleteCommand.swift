// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import ContainerRuntime

/// `delete`.
enum DeleteCommand {
    static let command = Command(
        name: "delete", summary: "remove a stopped container, its cgroup and its state",
        details: "With --force a container that does not exist is no error.",
        options: OptionTable([
            .flag("force f", "kill a running container first"),
            .flag("regex r", "ID is an extended regular expression;\nevery container with a matching ID is removed"),
        ]), run: run)

    private static func run(_ invocation: Invocation) throws -> Int32 {
        let force = invocation.options.has("force")
        guard invocation.options.has("regex") else {
            try delete(invocation.words.first ?? "", force, invocation)
            return 0
        }
        return try invocation.forEachMatch { id in try delete(id, force, invocation) }
    }

    private static func delete(_ id: String, _ force: Bool, _ invocation: Invocation) throws {
        let failures =
            force
            ? try Container.deleteForced(id, in: invocation.store)
            : try Container(id, in: invocation.store).delete(force: false)
        for failure in failures { invocation.log.write(.warning, "\(failure)") }
    }
}
