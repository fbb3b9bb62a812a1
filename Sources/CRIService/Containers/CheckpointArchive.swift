// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import MonitorProtocol
internal import OCIRuntimeSpec

/// The archive of a checkpoint, by the names that CRI-O gives its parts and checkpointctl(1) and others read:
///
///     checkpoint/                    the images of criu
///     dump.log, stats-dump           what criu says of its work
///     config.dump                    the container and its image
///     spec.dump                      its configuration for the runtime
///     bind.mounts                    what of the machine is mounted in it, and whether these are files or directories
///     rootfs-diff.tar                what it has added and changed in its root file system
///     deleted.files                  what it has removed there
///     io.kubernetes.cri-o.LogPath    its log
///
/// All but the images is JSON or as it was. Blocks the calling thread.
struct CheckpointArchive: Sendable {
    /// Where the parts are put together.
    var folder: String
    var container: String
    var name: String
    var handler: String
    var image: String
    var imageName: String
    var imageReference: String
    /// ns since 1970.
    var createdAt: Int64
    /// The runtime's configuration, and the log, which may be "".
    var spec: String
    var log: String

    var images: String { folder + "/checkpoint" }
    var changes: String { folder + "/rootfs-diff.tar" }

    private struct ConfigDump: Encodable {
        var id: String
        var name: String
        var rootfsImage: String
        /// The image's id.
        var rootfsImageRef: String
        /// Its name with digest.
        var rootfsImageName: String
        var runtime: String
        var createdTime: String
        var checkpointedTime: String
        var restored: Bool
    }

    private struct BindMount: Encodable {
        var source: String
        var destination: String
        var fileType: String
        var permissions: UInt32

        enum CodingKeys: String, CodingKey {
            case source, destination, permissions
            case fileType = "file_type"
        }
    }

    /// Throws unless a file can be made at the path, or replaced: nobody's device is an archive.
    static func checkLocation(_ path: String) throws(ServiceError) {
        guard let there = try? Syscall.linkStatus(path), there.kind != .regular else { return }
        throw ServiceError(.invalid, "write archive", path, "what is there is no regular file")
    }

    /// Makes the folder and writes what is known before. Returns the places where something is mounted in the container.
    func begin() throws -> Set<String> {
        try SystemError.attempt("make directory", images) { () throws(Errno) in
            try Syscall.removeTree(folder)
            try Syscall.makeDirectories(images, mode: 0o700)
        }
        let bytes = try SystemError.attempt("read", spec) { () throws(Errno) in try Syscall.readFile(spec) }
        guard let spec = JSON.decode(Spec.self, bytes) else {
            throw ServiceError(.failed, "read", self.spec, "it is damaged")
        }
        try write("spec.dump", bytes)
        try write(
            "config.dump",
            JSON.encode(
                ConfigDump(
                    id: container, name: name, rootfsImage: imageName, rootfsImageRef: image,
                    rootfsImageName: imageReference, runtime: handler, createdTime: LogTimestamp(createdAt).text,
                    checkpointedTime: LogTimestamp(KernelClock.realtime).text, restored: false)))
        try write("bind.mounts", JSON.encode(try bindMounts(spec)))
        return Set((spec.mounts ?? []).map(\.destination))
    }

    private func bindMounts(_ spec: Spec) throws -> [BindMount] {
        try (spec.mounts ?? []).filter { $0.type == "bind" && !$0.destination.hasPrefix("/dev/") }.compactMap { mount in
            guard let source = mount.source else { return nil }
            let status = try SystemError.attempt("look at", source) { () throws(Errno) in try Syscall.status(source) }
            return BindMount(
                source: source, destination: mount.destination, fileType: status.isDirectory ? "directory" : "file",
                permissions: status.permissions)
        }
    }

    private func write(_ part: String, _ bytes: [UInt8]) throws {
        let path = "\(folder)/\(part)"
        try SystemError.attempt("write", path) { () throws(Errno) in
            try AtomicFile.write(path, bytes, mode: 0o600)
        }
    }

    /// Why criu failed, in its own words; else the given ones.
    func reason(or other: String) -> String {
        // A runtime that failed earlier leaves no such file.
        let said = (try? Syscall.readText(folder + "/dump.log")) ?? ""
        let errors = said.split(separator: "\n").filter { $0.contains("Error (") }
        let words = other.split(whereSeparator: \.isNewline).joined(separator: "; ")
        return errors.last.map { "\(words): \($0)" } ?? words
    }

    /// Writes the rest and the whole. The file holds memory of processes, so it is nobody else's to read, and it is there
    /// when it is complete.
    func finish(removed: [String], at location: String) throws {
        if !removed.isEmpty { try write("deleted.files", JSON.encode(removed)) }
        try copyLog()
        let unfinished = "\(location).\(container.prefix(16)).part"
        do {
            // It was looked at before, but the images took their time.
            try Self.checkLocation(location)
            try SystemError.attempt("write archive", location) { () throws(Errno) in
                let file = SharedFD(
                    try Syscall.open(unfinished, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600))
                let tar = TreeTar(file)
                let parts = try Syscall.open(folder, [.path, .directory])
                try tar.addTree(parts.rawValue)
                try tar.finish()
                try file.descriptor.sync()
                try Syscall.rename(unfinished, location)
            }
        } catch {
            // The first failure is the one to tell.
            try? Syscall.removeFile(unfinished)
            throw error
        }
    }

    private func copyLog() throws {
        // Of a device, or a pipe that nobody fills, there is no end.
        guard !log.isEmpty, let status = try? Syscall.status(log), status.kind == .regular else { return }
        let copy = folder + "/io.kubernetes.cri-o.LogPath"
        try SystemError.attempt("copy log", log) { () throws(Errno) in
            let source = try Syscall.open(log, [.readOnly])
            let target = try Syscall.open(copy, [.writeOnly, .create, .exclusive], mode: 0o600)
            while true {
                let block = try source.read(upTo: 1 << 20)
                if block.isEmpty { return }
                try target.writeAll(block)
            }
        }
    }
}
