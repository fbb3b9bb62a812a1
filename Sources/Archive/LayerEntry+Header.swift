// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CArchive
internal import Linux

extension LayerEntry {
    /// From libarchive's entry, which stays its own.
    init(_ header: OpaquePointer) throws(ArchiveError) {
        name = unsafe Self.bytes(archive_entry_pathname(header))
        let displayName = String(decoding: name, as: UTF8.self)
        func fault(_ reason: String) -> ArchiveError { ArchiveError(.unsupported, "unpack entry", displayName, reason) }

        let mode = unsafe UInt32(archive_entry_mode(header))
        permissions = mode & 0o7777
        let owner = unsafe archive_entry_uid(header)
        let group = unsafe archive_entry_gid(header)
        // The largest number means "unchanged" to chown(2).
        guard let uid = UInt32(exactly: owner), let gid = UInt32(exactly: group), uid < .max, gid < .max else {
            throw fault("its owner \(owner):\(group) is out of range")
        }
        self.uid = uid
        self.gid = gid
        modified = unsafe Timestamp(
            seconds: Int64(archive_entry_mtime(header)), nanoseconds: Int64(archive_entry_mtime_nsec(header)))
        attributes = unsafe Self.attributes(of: header)
        guard let kind = unsafe Self.kind(of: header, type: mode & 0o170000) else {
            throw fault("its type is not supported")
        }
        self.kind = kind
    }

    private static func kind(of header: OpaquePointer, type: UInt32) -> Kind? {
        if let target = unsafe archive_entry_hardlink(header) { return unsafe .hardLink(target: bytes(target)) }
        let device = unsafe DeviceNumber(
            major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(header)),
            minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(header)))
        return switch type {
        case 0o100000: unsafe .file(size: archive_entry_size(header))
        case 0o040000: .directory
        case 0o120000: unsafe .symlink(target: bytes(archive_entry_symlink(header)))
        case 0o020000: .characterDevice(device)
        case 0o060000: .blockDevice(device)
        case 0o010000: .fifo
        default: nil
        }
    }

    private static func attributes(of header: OpaquePointer) -> [Attribute] {
        var attributes: [Attribute] = []
        var remaining = unsafe archive_entry_xattr_reset(header)
        while remaining > 0 {
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard unsafe archive_entry_xattr_next(header, &name, &value, &size) == ARCHIVE_OK else { break }
            let content = unsafe Array(UnsafeRawBufferPointer(start: value, count: size))
            unsafe attributes.append(Attribute(name: bytes(name), value: content))
            remaining -= 1
        }
        return attributes
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text = unsafe text else { return [] }
        var bytes: [UInt8] = []
        var index = 0
        while unsafe text[index] != 0 {
            unsafe bytes.append(UInt8(bitPattern: text[index]))
            index += 1
        }
        return bytes
    }
}
