// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

package import Archive
package import Linux
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

    /// A file of that many bytes takes the disk hardly longer than none.
    private static let smallSize: UInt64 = 4 << 20

    /// One file, one fsync(2): of a large one at once, while other layers are still on their way.
    package func flush(_ path: String, bytes: UInt64) throws -> PendingFlush {
        guard bytes > Self.smallSize else { return .file }
        try ImageStoreError.attempt("flush", path) { () throws(Errno) in try Syscall.open(path, [.readOnly]).sync() }
        return .nothing
    }

    /// Of the file.
    package func checksum(of path: String) throws(Errno) -> String {
        let file = try Syscall.open(path, [.readOnly, .noFollow])
        return try BlockChecksum.of(file.rawValue)
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

    /// Whether the kernel mounts files in that directory by themselves: found out with an empty layer in a file that has no
    /// name, and is gone when this returns.
    static func isMountable(in directory: String) -> Bool {
        do {
            let file = SharedFD(try Syscall.open(directory, [.readWrite, .temporary], mode: 0o600))
            defer { withExtendedLifetime(file) {} }
            _ = try ErofsLayer(to: file, at: nil, identity: Array(repeating: 0, count: 16)).finish(above: nil)
            _ = try mount(file.descriptor.procPath)
            return true
        } catch {
            // Whatever the reason is: then layers are directories.
            return false
        }
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
