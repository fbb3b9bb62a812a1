// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import Archive
internal import Linux
internal import OCIImageSpec

/// An overlay of directories, mounted through the mount interface of Linux 5.2, which has no limit on the length of
/// all options together: 500 layers, as many as overlayfs takes. That is so since Linux 6.5; before, all lower directories
/// are one option, `OverlayMount+Legacy.swift`.
struct OverlayMount {
    /// The lowest last, as overlayfs counts. They are held by the overlay once it is made.
    var lower: [LayerRoot]
    /// Upper and work directory; nil for a read-only overlay.
    var writable: (upper: String, work: String)?
    /// Nothing that is written is flushed to disk, not even by sync(2).
    var isVolatile = false
    /// SELinux' label of all files, in place of their own.
    var label: String?

    /// An overlay that cannot be written. Without an upper directory overlayfs wants at least two lower ones: empty
    /// ones, which change nothing, are made in the given directory and put below; and one on top, where the topmost layer
    /// has not the root that the image has.
    static func readOnly(_ layers: ImageLayers, emptyDirectories: String) throws(ImageStoreError) -> OverlayMount {
        var lower = layers.roots
        if layers.rootPosition > 0, let root = layers.root {
            let top = "\(emptyDirectories)/root"
            try ImageStoreError.attempt("create directory", top) { () throws(Errno) in
                try Syscall.makeDirectories(emptyDirectories)
                try Syscall.removeTree(top)
                try root.makeRoot(top)
            }
            lower.insert(try LayerRoot(directory: top), at: 0)
        }
        while lower.count < 2 {
            let empty = "\(emptyDirectories)/\(lower.count)"
            try ImageStoreError.attempt("create directory", empty) { () throws(Errno) in
                try Syscall.makeDirectories(empty)
            }
            lower.append(try LayerRoot(directory: empty))
        }
        return OverlayMount(lower: lower, writable: nil)
    }

    /// Mounts the overlay at the path.
    func mount(at path: String) throws(ImageStoreError) {
        if Self.isLegacy { return try mountLegacy(at: path) }
        let mount = try create(for: path)
        let descriptor = mount.rawValue
        try ImageStoreError.attempt("mount rootfs at", path) { () throws(Errno) in
            try Syscall.moveMount(descriptor, to: path)
        }
    }

    /// The overlay without a place in the file system: it can be reached through the descriptor, and is gone with it.
    func create(for subject: String) throws(ImageStoreError) -> OwnedFD {
        // Mounts among the layers are gone with their descriptors.
        defer { withExtendedLifetime(lower) {} }
        let context = try ImageStoreError.attempt("open file system", "overlay") { () throws(Errno) in
            try Syscall.openFileSystem("overlay")
        }
        try configure(context)
        do throws(Errno) {
            return try Syscall.createMount(context.rawValue, attributes: writable == nil ? .readOnly : [])
        } catch {
            let messages = Syscall.messages(of: context.rawValue)
            let reason = messages.isEmpty ? error.description : "\(error): \(messages)"
            throw ImageStoreError(.io, "mount rootfs at", subject, reason)
        }
    }

    private func configure(_ context: borrowing OwnedFD) throws(ImageStoreError) {
        var settings = [("source", "skiff")]
        if Self.isLegacy {
            settings.append(("lowerdir", lowerList))
        } else {
            settings += lower.map { ("lowerdir+", $0.path) }
        }
        if let label { settings.append(("context", label)) }
        if let writable { settings += [("upperdir", writable.upper), ("workdir", writable.work)] }
        let descriptor = context.rawValue
        for (key, value) in settings {
            try ImageStoreError.attempt("set overlay option \(key) to", value) { () throws(Errno) in
                try Self.set(key, value, of: descriptor)
            }
        }
        let flags = Whiteout.attributesAreUsers ? ["userxattr"] : []
        for flag in flags + (isVolatile ? ["volatile"] : []) {
            try ImageStoreError.attempt("set overlay option", flag) { () throws(Errno) in
                try Syscall.configure(descriptor, flag: flag)
            }
        }
        // A change of owner or mode then copies no content up. Without it, all works the same but slower; overlayfs
        // refuses it together with attributes that users may set, because they could forge it.
        if writable != nil, flags.isEmpty {
            do throws(Errno) { try Syscall.configure(descriptor, "metacopy", "on") } catch {}
        }
    }

    /// fsconfig(2) takes values of at most 255 bytes; a longer path is named through a descriptor of it.
    private static func set(_ key: String, _ value: String, of context: Int32) throws(Errno) {
        guard value.utf8.count > 255 else { return try Syscall.configure(context, key, value) }
        let directory = try Syscall.open(value, [.path, .directory])
        try Syscall.configure(context, key, directory.procPath)
    }
}
