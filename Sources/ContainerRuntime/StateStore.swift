// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Cgroups
internal import Linux
internal import OCIRuntimeSpec

/// The state directories of all containers: `<root>/<id>/{status,config.json,resources.json,exec.fifo}`.
package struct StateStore: Sendable {
    package let root: String

    package init(root: String) { self.root = root }

    /// Letters, digits, `_`, `+`, `-` and `.`, and no name that means a directory.
    package static func checkID(_ id: String) throws(RuntimeError) {
        if id.isEmpty { throw RuntimeError("container id cannot be empty") }
        let isName = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isName, id != ".", id != "..", id.utf8.count <= 1024 else {
            throw RuntimeError("invalid container ID format")
        }
    }

    func directory(_ id: String) -> String { "\(root)/\(id)" }
    func fifo(_ id: String) -> String { "\(root)/\(id)/exec.fifo" }

    /// Takes the name; of two that want it one fails.
    func reserve(_ id: String) throws {
        try Self.checkID(id)
        try SystemError.attempt("create", root) { () throws(Errno) in
            try Syscall.makeDirectories(root, mode: 0o711)
        }
        do throws(Errno) {
            try Syscall.makeDirectory(directory(id), mode: 0o711)
        } catch .EEXIST {
            throw RuntimeError("container with given ID already exists")
        } catch {
            throw SystemError("create", directory(id), error)
        }
    }

    func save(_ record: ContainerRecord) throws {
        let path = directory(record.id) + "/status"
        try SystemError.attempt("write", path) { () throws(Errno) in
            try AtomicFile.write(path, JSONText.encode(record), mode: 0o600)
        }
    }

    func load(_ id: String) throws -> ContainerRecord {
        try Self.checkID(id)
        let path = directory(id) + "/status"
        guard let bytes = try read(path) else { throw RuntimeError.doesNotExist }
        let record: ContainerRecord
        do throws(PlanError) {
            record = try JSONText.decode(ContainerRecord.self, bytes)
        } catch {
            throw RuntimeError("read \"\(path)\": \(error)")
        }
        try check(record, id)
        return record
    }

    /// The content; nil where there is no file. It decides which processes are killed and which directories are removed:
    /// what somebody else has written, below a root that others can write to, is not obeyed.
    private func read(_ path: String) throws -> [UInt8]? {
        let owner: UInt32
        let bytes: [UInt8]
        do throws(Errno) {
            let file = try Syscall.open(path, [.readOnly, .noFollow])
            owner = try file.status().uid
            bytes = try file.readAll(limit: 1 << 26)
        } catch .ENOENT {
            return nil
        } catch {
            throw SystemError("read", path, error)
        }
        guard owner == 0 || owner == Syscall.effectiveUserID else {
            throw RuntimeError("read \"\(path)\": the file is not the caller's, but of uid \(owner)")
        }
        return bytes
    }

    private func check(_ record: ContainerRecord, _ id: String) throws {
        let path = directory(id) + "/status"
        guard record.id == id else { throw RuntimeError("read \"\(path)\": the record is that of another container") }
        if let subtree = record.cgroup.subtrees.first(where: { !$0.isCgroup }) {
            throw RuntimeError("read \"\(path)\": \"\(subtree.directory)\" is no cgroup")
        }
    }

    /// The configuration that the container was created with. Written once, before there is a record: without that
    /// nobody reads it, so it needs no second name to be whole.
    func saveConfiguration(_ id: String, _ bytes: [UInt8]) throws {
        let path = directory(id) + "/config.json"
        try SystemError.attempt("write", path) { () throws(Errno) in
            try Syscall.open(path, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600).writeAll(bytes)
        }
    }

    func loadConfiguration(_ id: String) throws -> [UInt8] {
        let path = directory(id) + "/config.json"
        guard let bytes = try read(path) else { throw SystemError("read", path, .ENOENT) }
        return bytes
    }

    func remove(_ id: String) throws {
        try SystemError.attempt("remove", directory(id)) { () throws(Errno) in
            try Syscall.removeTree(directory(id))
        }
    }

    /// The limits of a container as they are now: those of its configuration until an update.
    func loadResources(_ id: String) throws -> LinuxResources {
        let path = directory(id) + "/resources.json"
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try Syscall.readFile(path)
        } catch .ENOENT {
            let spec = try BundleConfiguration.parse(try loadConfiguration(id), "config.json")
            return spec.linux?.resources ?? LinuxResources()
        } catch {
            throw SystemError("read", path, error)
        }
        do throws(PlanError) {
            return try JSONText.decode(LinuxResources.self, bytes)
        } catch {
            throw RuntimeError("read \"\(path)\": \(error)")
        }
    }

    func saveResources(_ id: String, _ resources: LinuxResources) throws {
        let path = directory(id) + "/resources.json"
        try SystemError.attempt("write", path) { () throws(Errno) in
            try AtomicFile.write(path, JSONText.encode(resources), mode: 0o600)
        }
    }

    /// The container, other than the given one, that the cgroup was made for; nil when it is nobody's.
    func owner(of cgroup: CgroupLocation, besides id: String) -> String? {
        let directories = Set(cgroup.subtrees.map(\.directory))
        // What cannot be read, or is gone by now, owns nothing.
        return ((try? list()) ?? []).first { other in
            guard other != id, let record = try? load(other), record.cgroupIdentity != nil else { return false }
            return !directories.isDisjoint(with: record.cgroup.subtrees.map(\.directory))
        }
    }

    /// The names of all containers, in order. A root that does not exist is an error, as in runc.
    package func list() throws -> [String] {
        let names = try SystemError.attempt("open", root) { () throws(Errno) in try Syscall.entries(root) }
        return names.filter { name in
            // Half-made names, and directories without a record, are no containers.
            (try? Self.checkID(name)) != nil && Syscall.exists("\(root)/\(name)/status")
        }.sorted()
    }
}
