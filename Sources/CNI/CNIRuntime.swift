// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Attaches containers to networks and detaches them, by the plugins' programs. Section 3 of the CNI specification.
///
/// Nothing is kept in memory: every call starts from the folders. Calls for different attachments may run at once; those
/// for one attachment follow each other, also where the plugins of the first are of a daemon that was killed.
package struct CNIRuntime: Sendable {
    /// Where plugins are looked up, in this order.
    package let binDirs: [String]
    /// How long one plugin may take.
    package let timeout: Duration
    /// PATH of the plugins: they run iptables and the like.
    package let searchPath: String
    private let cache: ResultCache

    /// A runtime on these folders; `cacheDir` is made when it is needed.
    package init(
        binDirs: [String], cacheDir: String, timeout: Duration = .seconds(120),
        searchPath: String = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ) {
        self.binDirs = binDirs
        self.timeout = timeout
        self.searchPath = searchPath
        cache = ResultCache(directory: cacheDir)
    }

    /// Attaches: ADD of every plugin in order, each with the result of the one before. When this returns, the result is
    /// on record. When it throws, what was done is undone by DEL; where that failed too, the error tells (`undo`), and
    /// `delete` may be repeated. An earlier ADD of the same attachment that was interrupted is undone first.
    package func add(_ list: NetworkList, _ attachment: NetworkAttachment) async throws(CNIError) -> CNIResult {
        try attachment.validate()
        try checkPlugins(of: list)
        let lock = try await cache.lock(attachment, patience: timeout)
        defer { lock.release() }
        if let earlier = try cache.read(attachment) {
            guard earlier.result == nil else {
                throw CNIError(
                    .invalidArgument, "CNI ADD", list.name,
                    "container \"\(attachment.containerID)\" already has an interface \"\(attachment.interface)\"")
            }
            try await detach(attachment, lock)
        }
        var entry = ResultCache.Entry(list: list, attachment: attachment, result: nil)
        try cache.write(entry)
        do throws(CNIError) {
            let result = try await addAll(&entry, lock)
            try cache.write(entry)
            return result
        } catch {
            throw await undo(entry, lock, after: error)
        }
    }

    /// Detaches: DEL of every plugin in reverse order, as it was configured at ADD, with ADD's result. Without a record
    /// of an ADD, `list` is used; without that either, there is nothing to do. Every plugin is called, whatever the
    /// others say; the first error is thrown, and the record stays, so that this can be repeated until it succeeds.
    package func delete(_ attachment: NetworkAttachment, from list: NetworkList? = nil) async throws(CNIError) {
        try attachment.validate()
        let lock = try await cache.lock(attachment, patience: timeout)
        defer { lock.release() }
        try await detach(attachment, from: list, lock)
    }

    private func detach(
        _ attachment: NetworkAttachment, from list: NetworkList? = nil, _ lock: AttachmentLock
    ) async throws(CNIError) {
        var entry: ResultCache.Entry?
        do throws(CNIError) {
            entry = try cache.read(attachment)
        } catch {
            // A record that cannot be read must not keep the network for ever.
            if list == nil { throw error }
        }
        if entry == nil, let list { entry = ResultCache.Entry(list: list, attachment: attachment, result: nil) }
        if let entry { try await deleteAll(entry, namespace: attachment.namespace, lock) }
        try cache.remove(attachment)
    }

    /// Asks every plugin whether all is as ADD left it. A network that knows no CHECK, or wants none, is right.
    package func check(_ attachment: NetworkAttachment) async throws(CNIError) {
        try attachment.validate()
        guard let entry = try cache.read(attachment), let result = entry.result else {
            throw CNIError(.invalidArgument, "CNI CHECK", attachment.containerID, "not attached")
        }
        guard entry.list.version.hasCheck, !entry.list.disableCheck else { return }
        let lock = try await cache.lock(attachment, patience: timeout)
        defer { lock.release() }
        for plugin in entry.list.plugins {
            _ = try await call(.check, plugin, entry, previous: result, lock).run()
        }
    }

    /// The result of an attachment's ADD, or nil if there was none.
    package func result(of attachment: NetworkAttachment) throws(CNIError) -> CNIResult? {
        guard let entry = try cache.read(attachment), let json = entry.result else { return nil }
        do throws(InvalidResult) {
            return try CNIResult(json)
        } catch {
            throw CNIError(.cache, "read network attachment", attachment.containerID, error.cause)
        }
    }

    /// Every attachment on record, interrupted ones included: what has to be detached when its container is gone.
    package func attachments() throws(CNIError) -> [NetworkAttachment] { try cache.entries().map(\.attachment) }

    /// Removes what a caller that was killed had begun to record. Only before the first ADD or DEL.
    package func cleanRecords() throws(CNIError) { try cache.clean() }

    /// The versions of the specification that a plugin speaks. Section 2, `VERSION`.
    package func versions(of plugin: String) async throws(CNIError) -> [String] {
        let call = PluginCall(
            verb: .version, network: plugin, plugin: plugin, program: try program(of: plugin, network: plugin),
            environment: environment, input: ["cniVersion": "1.0.0"], timeout: timeout)
        let output = try await call.run()
        // What is no JSON has no member either.
        guard let list = (try? JSONValue(parsing: output))?["supportedVersions"]?.array else {
            throw call.failure(.invalidResult, "its answer has no \"supportedVersions\"")
        }
        return list.compactMap(\.string)
    }

    /// Throws unless every plugin's program is there; names the first that is missing.
    package func checkPlugins(of list: NetworkList) throws(CNIError) {
        for plugin in list.plugins { _ = try program(of: plugin.type, network: list.name) }
    }
}

extension CNIRuntime {
    var environment: [String] { ["PATH=\(searchPath)", "CNI_PATH=\(binDirs.joined(separator: ":"))"] }

    func program(of plugin: String, network: String) throws(CNIError) -> String {
        if let program = ChildPlan.find(plugin, path: binDirs.joined(separator: ":")) { return program }
        let folders = binDirs.map { "\"\($0)\"" }.joined(separator: ", ")
        throw CNIError(.pluginMissing, "use network", network, "plugin \"\(plugin)\" is not in \(folders)")
    }

    /// Leaves the last plugin's result in the entry, and after an error that of the last one which succeeded.
    private func addAll(_ entry: inout ResultCache.Entry, _ lock: AttachmentLock) async throws(CNIError) -> CNIResult {
        var result: CNIResult?
        for plugin in entry.list.plugins {
            if Task.isCancelled {
                throw CNIError(.cancelled, "CNI ADD", entry.list.name, "cancelled before plugin \"\(plugin.type)\"")
            }
            let call = try call(.add, plugin, entry, previous: entry.result, lock)
            let output = try await call.run()
            do throws(InvalidResult) {
                result = try CNIResult(parsing: output)
            } catch {
                throw call.failure(.invalidResult, "invalid result: \(error.cause)")
            }
            entry.result = result?.json
        }
        guard let result else { throw NetworkList.invalid(entry.list.name, "it has no plugins") }
        return result
    }

    private func undo(
        _ entry: ResultCache.Entry, _ lock: AttachmentLock, after error: CNIError
    ) async -> CNIError {
        do throws(CNIError) {
            try await deleteAll(entry, namespace: entry.attachment.namespace, lock)
            try cache.remove(entry.attachment)
            return error
        } catch let second {
            var both = error
            both.undo = "\(second)"
            return both
        }
    }

    private func deleteAll(
        _ entry: ResultCache.Entry, namespace: String, _ lock: AttachmentLock
    ) async throws(CNIError) {
        var entry = entry
        entry.attachment.namespace = Self.isNamespace(namespace) ? namespace : ""
        // Before 0.4.0 DEL was told nothing.
        let previous = entry.list.version.hasCheck ? entry.result : nil
        var first: CNIError?
        for plugin in entry.list.plugins.reversed() {
            do throws(CNIError) {
                _ = try await call(.del, plugin, entry, previous: previous, lock).run()
            } catch {
                if first == nil { first = error }
            }
        }
        if let first { throw first }
    }

    /// Whether a namespace is mounted at the path. Plugins know what to do without one, but not with a plain file left
    /// over by an unmount.
    private static func isNamespace(_ path: String) -> Bool {
        let namespaceMagic: Int64 = 0x6e73_6673
        // Where nothing can be asked, nothing is.
        return !path.isEmpty && (try? Syscall.fileSystem(path))?.type == namespaceMagic
    }

    private func call(
        _ verb: PluginCall.Verb, _ plugin: NetworkList.Plugin, _ entry: ResultCache.Entry, previous: JSONValue?,
        _ lock: AttachmentLock
    ) throws(CNIError) -> PluginCall {
        let attachment = entry.attachment
        let arguments = attachment.arguments.map { "\($0.key)=\($0.value)" }.joined(separator: ";")
        return PluginCall(
            verb: verb, network: entry.list.name, plugin: plugin.type,
            program: try program(of: plugin.type, network: entry.list.name),
            environment: environment + [
                "CNI_CONTAINERID=\(attachment.containerID)", "CNI_NETNS=\(attachment.namespace)",
                "CNI_IFNAME=\(attachment.interface)", "CNI_ARGS=\(arguments)",
            ],
            input: plugin.input(of: entry.list, arguments: attachment.capabilityArguments, previous: previous),
            timeout: timeout, lock: lock)
    }
}
