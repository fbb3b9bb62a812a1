// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

/// STATUS and GC, which the specification has from 1.1.0 on.
extension CNIRuntime {
    /// Asks every plugin whether it can serve ADD; throws what the first one that cannot says. A network of an older
    /// version has its programs looked up only. Section 3 of the CNI specification, `STATUS`.
    package func status(of list: NetworkList) async throws(CNIError) {
        try checkPlugins(of: list)
        guard list.version.hasUpkeep else { return }
        for plugin in list.plugins { _ = try await call(.status, plugin, of: list, additions: [:]).run() }
    }

    /// Lets plugins free whatever they hold for attachments that are not among the valid ones; no ADD may run
    /// meanwhile. Section 3 of the CNI specification, `GC`. Every plugin is called; the first error is thrown.
    package func collectGarbage(of list: NetworkList, valid: [NetworkAttachment]) async throws(CNIError) {
        guard list.version.hasUpkeep, !list.disableGC else { return }
        let items = valid.map { attachment -> JSONValue in
            ["containerID": .string(attachment.containerID), "ifname": .string(attachment.interface)]
        }
        // The specification's first text had the other name, and plugins read either.
        let additions = ["cni.dev/valid-attachments": JSONValue.array(items), "cni.dev/attachments": .array(items)]
        var first: CNIError?
        for plugin in list.plugins {
            do throws(CNIError) {
                _ = try await call(.gc, plugin, of: list, additions: additions).run()
            } catch {
                if first == nil { first = error }
            }
        }
        if let first { throw first }
    }

    /// A call about a network and no container.
    private func call(
        _ verb: PluginCall.Verb, _ plugin: NetworkList.Plugin, of list: NetworkList, additions: [String: JSONValue]
    ) throws(CNIError) -> PluginCall {
        var members = plugin.input(of: list, arguments: [:], previous: nil).object ?? [:]
        members.merge(additions) { $1 }
        return PluginCall(
            verb: verb, network: list.name, plugin: plugin.type,
            program: try program(of: plugin.type, network: list.name), environment: environment,
            input: .object(members), timeout: timeout)
    }
}
