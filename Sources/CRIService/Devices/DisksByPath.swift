// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Linux

/// Block devices of the machine.
enum DisksByPath {
    /// Those that a path leads to, whose last name may be a pattern: then it may find none, for a file of classes is written
    /// for machines of many kinds. Blocks the calling thread.
    static func find(_ path: String) throws -> [DeviceNumber] {
        let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let (folder, name) = (String(path[..<slash]), String(path[slash...]))
        guard name.contains(where: { "*?[".contains($0) }) else {
            guard let device = try device(path) else {
                throw ServiceError(.state, "use block device", path, "it is none")
            }
            return [device]
        }
        let names = (try? Syscall.entries(folder)) ?? []
        return try names.filter { NamePattern(name).matches($0) }.compactMap { try device("\(folder)\($0)") }
    }

    private static func device(_ path: String) throws -> DeviceNumber? {
        let status = try SystemError.attempt("look at", path) { () throws(Errno) in try Syscall.status(path) }
        return status.kind == .block ? status.deviceNumber : nil
    }
}
