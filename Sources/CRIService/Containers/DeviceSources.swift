// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI
internal import Linux
internal import OCIRuntimeSpec

/// Looks up device nodes of the host. Blocks the calling thread.
enum DeviceSources {
    /// The devices of a request; a folder stands for all below it.
    static func prepare(_ devices: [CRI.Device]) throws -> [PreparedDevice] {
        try devices.flatMap { device -> [PreparedDevice] in
            let access = device.permissions.isEmpty ? "rwm" : device.permissions
            guard access.allSatisfy({ "rwm".contains($0) }) else {
                throw ServiceError(.invalid, "use device", device.hostPath, "permissions \"\(access)\": want r, w, m")
            }
            let path = device.containerPath.isEmpty ? device.hostPath : device.containerPath
            let status = try status(device.hostPath)
            let found =
                try status.isDirectory
                ? all(in: device.hostPath, as: path) : [node(status, path)].compactMap(\.self)
            guard !found.isEmpty else {
                throw ServiceError(.invalid, "use device", device.hostPath, "not a device")
            }
            return found.map { PreparedDevice(node: $0, access: access) }
        }
    }

    /// The node at a path of the host.
    static func node(at path: String) throws -> LinuxDevice {
        let status = try status(path)
        if let node = node(status, path) { return node }
        throw ServiceError(.invalid, "use device", path, "not a device")
    }

    /// One that is not there is the request's mistake, not ours.
    private static func status(_ path: String) throws -> FileStatus {
        do throws(Errno) {
            return try Syscall.status(path)
        } catch {
            guard error == .ENOENT || error == .ENOTDIR else { throw SystemError("use device", path, error) }
            throw ServiceError(.invalid, "use device", path, "\(error)")
        }
    }

    /// Every device of the host, for a privileged container.
    static func all() throws -> [PreparedDevice] {
        try all(in: "/dev", as: "/dev").map { PreparedDevice(node: $0, access: "rwm") }
    }

    /// Folders of /dev that are file systems of their own in a container.
    private static let skipped: Set = ["/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/.lxc", "/dev/console"]

    private static func all(in folder: String, as target: String) throws -> [LinuxDevice] {
        var found: [LinuxDevice] = []
        let names = try SystemError.attempt("list", folder) { () throws(Errno) in try Syscall.entries(folder) }
        for name in names.sorted() where !skipped.contains("\(folder)/\(name)") {
            // A node may go while we look.
            guard let status = try? Syscall.linkStatus("\(folder)/\(name)") else { continue }
            if status.isDirectory {
                found += try all(in: "\(folder)/\(name)", as: "\(target)/\(name)")
            } else if let node = node(status, "\(target)/\(name)") {
                found.append(node)
            }
        }
        return found
    }

    /// Nil for what is no device.
    private static func node(_ status: FileStatus, _ path: String) -> LinuxDevice? {
        let type: String
        switch status.kind {
        case .character: type = "c"
        case .block: type = "b"
        default: return nil
        }
        return LinuxDevice(
            type: type, path: path, major: Int64(status.deviceNumber.major), minor: Int64(status.deviceNumber.minor),
            fileMode: status.permissions, uid: status.uid, gid: status.gid)
    }
}
