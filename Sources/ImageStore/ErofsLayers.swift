// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Archive
internal import Linux
package import OCIImageSpec

/// A layer as one file with an EROFS image. It is mounted by its file, from Linux 6.12 on, or through a loop device; the
/// mount has no place in the file system and is held by the overlay above it.
package struct ErofsLayers: LayerFormat {
    private let limits: UnpackLimits

    /// Layers of at most that size.
    package init(limits: UnpackLimits = UnpackLimits()) { self.limits = limits }

    /// `erofs`
    package var name: String { "erofs" }

    /// Makes the file. Its identity comes from the diffID, so that the same layer is the same file.
    package func begin(_ path: String, _ diffID: Digest) throws -> any LayerWriter {
        let digits = Array(diffID.hex.utf8.prefix(32))
        let identity = stride(from: 0, to: 32, by: 2).map { index in
            UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) ?? 0
        }
        return try ErofsLayer(at: path, identity: identity, limits: limits)
    }

    /// One file, one fsync(2).
    package func flush(_ path: String) throws -> Bool {
        try ImageStoreError.attempt("flush", path) { () throws(Errno) in try Syscall.open(path, [.readOnly]).sync() }
        return true
    }

    /// Of the file.
    package func checksum(of path: String) throws -> String {
        try ImageStoreError.attempt("verify layer", path) { () throws(Errno) in
            let file = try Syscall.open(path, [.readOnly, .noFollow])
            return try BlockChecksum.of(file.rawValue)
        }
    }

    /// Mounts the file.
    package func root(of path: String) throws -> LayerRoot {
        do throws(Errno) {
            return LayerRoot(mount: try Self.mount(path))
        } catch .ENOTBLK {
            // A kernel, or a file system below, that wants a block device.
            return LayerRoot(mount: try Self.mountThroughLoop(path))
        } catch {
            throw ImageStoreError("mount layer", path, error)
        }
    }

    /// Whether the kernel mounts files in that directory by themselves: found out with an empty layer. Tried twice, because
    /// another process may remove what it takes for left over.
    static func isMountable(in directory: String) -> Bool { mountsProbe(in: directory) || mountsProbe(in: directory) }

    private static func mountsProbe(in directory: String) -> Bool {
        let path = "\(directory)/probe-\(randomName())"
        defer { _ = try? Syscall.removeFile(path) }
        guard let layer = try? ErofsLayer(at: path, identity: Array(repeating: 0, count: 16)),
            (try? layer.finish(above: nil)) != nil
        else { return false }
        // Whatever the reason for a failure is: then layers are directories.
        return (try? mount(path)) != nil
    }

    private static func mount(_ path: String) throws(Errno) -> OwnedFD {
        // Values have at most 255 bytes, fsconfig(2); a longer path is named through a descriptor.
        let file = path.utf8.count > 255 ? SharedFD(try Syscall.open(path, [.readOnly])) : nil
        let context = try Syscall.openFileSystem("erofs")
        try Syscall.configure(context.rawValue, "source", file?.descriptor.procPath ?? path)
        // A loop device of a file that is open for reading is refused for more.
        try Syscall.configure(context.rawValue, flag: "ro")
        return try Syscall.createMount(context.rawValue, attributes: .readOnly)
    }

    private static func mountThroughLoop(_ path: String) throws(ImageStoreError) -> OwnedFD {
        try ImageStoreError.attempt("mount layer through loop device", path) { () throws(Errno) in
            let file = try Syscall.open(path, [.readOnly])
            // The device lives until its last user is gone, which is the mount.
            let device = try Syscall.attachLoopDevice(to: file.rawValue)
            let mounted = try mount("/dev/loop\(device.number)")
            _ = consume device
            return mounted
        }
    }
}
