// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// What is known about attachments, on disk, so that DEL can be given the same configuration and the result of ADD, even
/// after a restart and when the network's configuration has changed or gone.
///
/// One file per attachment, `<container id>:<interface>.json`; neither name can hold a colon:
/// ```
/// { "version": 1, "containerID": "…", "namespace": "/run/…", "interface": "eth0",
///   "network": { the configuration as it came }, "arguments": [["K8S_POD_NAME", "a"]],
///   "capabilityArguments": { "portMappings": [] }, "result": { of the last plugin } | null }
/// ```
/// `result` is null while ADD runs: a record that stays so tells of an ADD that was interrupted. Beside it is the file
/// that plugins at work on the attachment have locked, `<container id>:<interface>.lock`.
struct ResultCache: Sendable {
    let directory: String

    /// An attachment as it was recorded.
    struct Entry: Sendable {
        var list: NetworkList
        var attachment: NetworkAttachment
        var result: JSONValue?
    }

    /// Records an entry, which survives the daemon. What survives the machine is the caller's to record: after a loss of
    /// power an entry may be missing or empty.
    func write(_ entry: Entry) throws(CNIError) {
        let attachment = entry.attachment
        let json: JSONValue = [
            "version": .integer(1),
            "containerID": .string(attachment.containerID),
            "namespace": .string(attachment.namespace),
            "interface": .string(attachment.interface),
            "network": entry.list.source,
            "arguments": .array(attachment.arguments.map { .array([.string($0.key), .string($0.value)]) }),
            "capabilityArguments": .object(attachment.capabilityArguments),
            "result": entry.result ?? .null,
        ]
        let path = path(of: attachment)
        do {
            let bytes = try json.bytes
            try AtomicFile.write(path, bytes, mode: 0o600)
        } catch {
            throw CNIError(.cache, "write network attachment", path, "\(error)")
        }
    }

    /// The entry of a container's interface, or nil if there is none.
    func read(_ attachment: NetworkAttachment) throws(CNIError) -> Entry? {
        try read(path(of: attachment))
    }

    /// All entries, in lexical order of their files.
    func entries() throws(CNIError) -> [Entry] {
        let names: [String]
        do throws(Errno) {
            names = try Syscall.entries(directory)
        } catch .ENOENT {
            return []
        } catch {
            throw CNIError(.cache, "read network attachments", directory, "\(error)")
        }
        var entries: [Entry] = []
        for name in names.sorted() where name.hasSuffix(".json") && !name.hasPrefix(".") {
            if let entry = try read("\(directory)/\(name)") { entries.append(entry) }
        }
        return entries
    }

    /// Forgets an entry, and with it its lock; one that is not there is forgotten already.
    func remove(_ attachment: NetworkAttachment) throws(CNIError) {
        for path in [path(of: attachment), lockPath(of: attachment)] {
            do throws(Errno) {
                try Syscall.removeFile(path)
            } catch .ENOENT {
                continue
            } catch {
                throw CNIError(.cache, "remove network attachment", path, "\(error)")
            }
        }
    }

    /// Removes what a daemon that was killed had begun to write. Only before anything is written.
    func clean() throws(CNIError) {
        do throws(Errno) { try AtomicFile.removeLeftovers(in: directory) } catch {
            throw CNIError(.cache, "clean up network attachments", directory, "\(error)")
        }
    }

    /// Waits until no plugin is at work on the attachment, but no longer than `patience`.
    func lock(_ attachment: NetworkAttachment, patience: Duration) async throws(CNIError) -> AttachmentLock {
        do throws(Errno) { try Syscall.makeDirectories(directory, mode: 0o700) } catch {
            throw CNIError(.cache, "make directory", directory, "\(error)")
        }
        return try await AttachmentLock.take(lockPath(of: attachment), patience: patience)
    }

    private func path(of attachment: NetworkAttachment) -> String {
        "\(directory)/\(attachment.containerID):\(attachment.interface).json"
    }

    private func lockPath(of attachment: NetworkAttachment) -> String {
        "\(directory)/\(attachment.containerID):\(attachment.interface).lock"
    }

    private func read(_ path: String) throws(CNIError) -> Entry? {
        let text: [UInt8]
        do throws(Errno) {
            text = try Syscall.readFile(path)
        } catch .ENOENT {
            return nil
        } catch {
            throw CNIError(.cache, "read network attachment", path, "\(error)")
        }
        // A record of another version, or one that something else damaged.
        let unusable = CNIError(.cache, "read network attachment", path, "not a record of this version")
        guard let json = try? JSONValue(parsing: text), json["version"] == .integer(1),
            let containerID = json["containerID"]?.string, let namespace = json["namespace"]?.string,
            let interface = json["interface"]?.string, let network = json["network"], let result = json["result"]
        else { throw unusable }
        var attachment = NetworkAttachment(containerID: containerID, namespace: namespace, interface: interface)
        attachment.capabilityArguments = json["capabilityArguments"]?.object ?? [:]
        for pair in json["arguments"]?.array ?? [] {
            guard let texts = pair.array?.compactMap(\.string), texts.count == 2 else { throw unusable }
            attachment.arguments.append((texts[0], texts[1]))
        }
        return Entry(
            list: try NetworkList(network, file: path), attachment: attachment, result: result == .null ? nil : result)
    }
}
